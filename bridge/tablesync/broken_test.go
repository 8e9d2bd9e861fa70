package tablesync

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping/mapset"
)

// TestAnObjectWithoutItsChunksIsNoSet takes the pieces of an object away and
// leaves its description: that is told at once, for waiting brings none.
func TestAnObjectWithoutItsChunksIsNoSet(t *testing.T) {
	_, js := startServers(t).connect()
	folder, digest := kept(t, 1)
	pushed, err := Push(t.Context(), js, place, folder, order(digest, ""))
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "OBJ_"+place.objects())
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSubject("$O."+place.objects()+".C.>")))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = Fetch(ctx, js, place, mapset.Open(t.TempDir()), policy, digest)
	require.ErrorIs(t, err, ErrObject)
	require.NoError(t, ctx.Err(), "nobody waits for what will not come")

	// A push of the same set mends it, and who refused it looks again.
	again, err := Push(t.Context(), js, place, folder, order(digest, digest))
	require.NoError(t, err)
	require.Greater(t, again.Revision, pushed.Revision)
	require.Equal(t, pushed.Previous, again.Previous)
	loaded, err := Fetch(t.Context(), js, place, mapset.Open(t.TempDir()), policy, digest)
	require.NoError(t, err)
	require.NoError(t, loaded.Err())
}

// TestADeniedUserIsTold gives a user no right to the buckets: NATS answers
// nothing then, which is all a caller sees, and the error says so.
func TestADeniedUserIsTold(t *testing.T) {
	nobody := &server.User{Username: "nobody", Password: "x", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.API.>"}}}}
	running, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), Users: []*server.User{nobody}})
	require.NoError(t, err)
	go running.Start()
	require.True(t, running.ReadyForConnections(10*time.Second))
	t.Cleanup(func() { running.Shutdown(); running.WaitForShutdown() })
	nc, err := nats.Connect("nats://"+running.Addr().(*net.TCPAddr).String(), nats.UserInfo("nobody", "x"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	folder, digest := kept(t, 1)
	for name, ask := range map[string]func(context.Context) error{
		"read":    func(ctx context.Context) error { _, err := Read(ctx, js, place); return err },
		"history": func(ctx context.Context) error { _, err := History(ctx, js, place); return err },
		"push":    func(ctx context.Context) error { _, err := Push(ctx, js, place, folder, order(digest, "")); return err },
		"fetch": func(ctx context.Context) error {
			_, err := Fetch(ctx, js, place, mapset.Open(t.TempDir()), policy, digest)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := ask(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.ErrorContains(t, err, "may not", name)
		require.False(t, Absent(err), name)
	}
}

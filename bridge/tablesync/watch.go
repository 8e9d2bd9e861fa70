package tablesync

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// lookAgain is how long the pointer goes without being asked for: a watch
	// that the servers forgot is found out by then.
	lookAgain = 30 * time.Second
	// lookSoon is the same where there is nothing to watch yet: no bucket, or no
	// answer.
	lookSoon = 2 * time.Second
)

// Sighting is what a watch saw: the pointer, or why there is none. The error is
// ErrNone or ErrUnreadable, or says that the servers could not be asked.
type Sighting struct {
	Pointer Pointer
	Err     error
}

// Watch tells where the pointer is: at once, after every move, after every
// reconnection, and every half minute whatever happened. It may tell the same
// twice. It returns when ctx ends. Where the servers cannot be reached it says
// so and goes on trying.
func Watch(ctx context.Context, nc *nats.Conn, place Place, tell func(Sighting)) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)
	for ctx.Err() == nil {
		watchOnce(ctx, js, place, connected, tell)
	}
	return nil
}

// watchOnce asks for the pointer and follows its moves until the connection was
// renewed or half a minute is over.
func watchOnce(ctx context.Context, js jetstream.JetStream, place Place, connected <-chan nats.Status, tell func(Sighting)) {
	pointer, err := Read(ctx, js, place)
	if ctx.Err() != nil {
		return
	}
	tell(Sighting{pointer, err})
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var moves <-chan jetstream.KeyValueEntry
	again := time.NewTimer(lookSoon)
	defer again.Stop()
	if kv, err := js.KeyValue(watching, place.pointers()); err == nil {
		if w, err := kv.Watch(watching, place.Pair); err == nil {
			defer func() { _ = w.Stop() }()
			moves = w.Updates()
			again.Reset(lookAgain)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-connected:
			return
		case <-again.C:
			return
		case entry, ok := <-moves:
			if !ok {
				moves = nil
				again.Reset(lookSoon)
				continue
			}
			if entry == nil { // all there was is told
				continue
			}
			pointer, err := decode(entry)
			tell(Sighting{pointer, err})
		}
	}
}

// Absent reports an error that means there is no usable pointer, as against
// servers that could not be asked.
func Absent(err error) bool { return errors.Is(err, ErrNone) || errors.Is(err, ErrUnreadable) }

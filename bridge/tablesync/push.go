package tablesync

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkspan/linkspan/mapping/mapset"
)

// Order is what a person asks Push to do.
type Order struct {
	// Digest is that of a set kept in the folder, whole.
	Digest string
	// Expected is the digest of the set believed to be active, "" for none. Where
	// another is active nothing is moved.
	Expected string
	By       string
	At       time.Time
}

// Push sends a kept set to the instances of a pair and makes it the active one:
// first the object, then the pointer, so that a pointer never leads to nothing.
// It makes the buckets where there are none. The way back is to push a set that
// was active before. A *MovedError says that somebody else was faster.
//
// It verifies nothing of the set: the caller has checked it, and every instance
// checks it again under its own agreement before it uses it.
func Push(ctx context.Context, js jetstream.JetStream, place Place, folder *mapset.Folder, o Order) (Pointer, error) {
	if !isDigest(o.Digest) {
		return Pointer{}, errors.New("tablesync: push: want the whole digest of a kept set")
	}
	kv, objects, err := stores(ctx, js, place)
	if err != nil {
		return Pointer{}, err
	}
	now, err := read(ctx, kv, place)
	if err != nil && !Absent(err) {
		return Pointer{}, err
	}
	if now.Digest != o.Expected { // before anything is sent
		return Pointer{}, &MovedError{Pair: place.Pair, Expected: o.Expected, Now: now}
	}
	sent, err := send(ctx, js, objects, folder, o.Digest)
	if err != nil {
		return Pointer{}, err
	}
	if err := prune(ctx, kv, objects, o.Digest, o.At); err != nil {
		return Pointer{}, err
	}
	return move(ctx, kv, place, o, sent)
}

// send puts a kept set into the object store, unless it is there to the byte.
// It reports whether it had to.
func send(ctx context.Context, js jetstream.JetStream, objects jetstream.ObjectStore, folder *mapset.Folder, digest string) (bool, error) {
	file, err := os.CreateTemp("", "linkspan-set-*")
	if err != nil {
		return false, fmt.Errorf("tablesync: push: %w", err)
	}
	defer func() { _ = file.Close(); _ = os.Remove(file.Name()) }()
	sum := sha256.New()
	if err := pack(io.MultiWriter(file, sum), folder, digest); err != nil {
		return false, fmt.Errorf("tablesync: push: %w", err)
	}
	there, err := objects.GetInfo(ctx, digest)
	if err == nil && there.Digest == "SHA-256="+base64.URLEncoding.EncodeToString(sum.Sum(nil)) {
		if ok, err := complete(ctx, js, there); err != nil {
			return false, failed("push", err)
		} else if ok {
			return false, nil
		}
	} else if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, failed("push", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("tablesync: push: %w", err)
	}
	if _, err := objects.Put(ctx, jetstream.ObjectMeta{Name: digest}, file); err != nil {
		return false, failed("push", err)
	}
	return true, nil
}

// pack writes a kept set, compressed. The same folder gives the same bytes.
func pack(w io.Writer, folder *mapset.Folder, digest string) error {
	out, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return errors.Join(folder.Pack(digest, out), out.Close())
}

// stores opens the two buckets, or makes them.
func stores(ctx context.Context, js jetstream.JetStream, place Place) (jetstream.KeyValue, jetstream.ObjectStore, error) {
	replicas := max(1, place.Replicas)
	kv, err := js.KeyValue(ctx, place.pointers())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: place.pointers(), Storage: jetstream.FileStorage, Replicas: replicas,
			History: history, MaxValueSize: 4 << 10, Description: "which map set is active, by pair"})
	}
	if err != nil {
		return nil, nil, failed("bucket "+place.pointers(), err)
	}
	objects, err := js.ObjectStore(ctx, place.objects())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		objects, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: place.objects(), Storage: jetstream.FileStorage, Replicas: replicas,
			Description: "map sets, by digest"})
	}
	if err != nil {
		return nil, nil, failed("bucket "+place.objects(), err)
	}
	return kv, objects, nil
}

// move moves the pointer, if nobody else has. A pointer to an object that was
// not whole until now is written anew although it leads to the same set: who
// refused it looks again.
func move(ctx context.Context, kv jetstream.KeyValue, place Place, o Order, sent bool) (Pointer, error) {
	now, err := read(ctx, kv, place)
	if err != nil && !Absent(err) {
		return Pointer{}, err
	}
	moved := &MovedError{Pair: place.Pair, Expected: o.Expected, Now: now}
	switch {
	case now.Digest != o.Expected:
		return Pointer{}, moved
	case now.Digest == o.Digest && !sent:
		return now, nil
	}
	next := Pointer{Digest: o.Digest, Previous: now.Digest, By: o.By, At: o.At.UTC()}
	if now.Digest == o.Digest {
		next.Previous = now.Previous
	}
	text, err := json.Marshal(next)
	if err != nil {
		return Pointer{}, fmt.Errorf("tablesync: push: %w", err)
	}
	if now.Revision == 0 {
		next.Revision, err = kv.Create(ctx, place.Pair, text)
	} else {
		next.Revision, err = kv.Update(ctx, place.Pair, text, now.Revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		if moved.Now, err = read(ctx, kv, place); err != nil && !Absent(err) {
			return Pointer{}, err
		}
		return Pointer{}, moved
	}
	if err != nil {
		return Pointer{}, failed("push", err)
	}
	return next, nil
}

// prune deletes the objects that no kept pointer of any pair names. A pointer
// never leads to one of these: they are older than their pusher's patience.
func prune(ctx context.Context, kv jetstream.KeyValue, objects jetstream.ObjectStore, keep string, now time.Time) error {
	named := map[string]bool{keep: true}
	keys, err := kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return failed("prune", err)
	}
	for _, pair := range keys {
		pointers, err := pointersOf(ctx, kv, pair)
		if err != nil && !Absent(err) {
			return err
		}
		for _, p := range pointers {
			named[p.Digest] = true
		}
	}
	all, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return failed("prune", err)
	}
	for _, o := range all {
		if named[o.Name] || now.Sub(o.ModTime) < spared {
			continue
		}
		if err := objects.Delete(ctx, o.Name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return failed("prune", err)
		}
	}
	return nil
}

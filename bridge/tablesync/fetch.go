package tablesync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkspan/linkspan/mapping/mapset"
)

// maxWindow bounds what one object can make the decoder allocate, in bytes.
const maxWindow = 32 << 20

// ErrObject says that the object a pointer leads to is absent, or is not the set
// the pointer names. Asking again does not help.
var ErrObject = errors.New("tablesync: the pointer does not lead to a set")

// Fetch brings the set a pointer names into the folder as a kept set. It is
// verified as a whole, digest, approvals and lint, and not kept with any fault;
// it is not pointed to. An error that is not ErrObject is of the servers, the
// connection or the disk, and may pass.
func Fetch(ctx context.Context, js jetstream.JetStream, place Place, folder *mapset.Folder, policy mapset.Policy, digest string) (mapset.Loaded, error) {
	objects, err := js.ObjectStore(ctx, place.objects())
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return mapset.Loaded{}, fmt.Errorf("%w: there is no bucket %s", ErrObject, place.objects())
	}
	if err != nil {
		return mapset.Loaded{}, failed("fetch", err)
	}
	info, err := objects.GetInfo(ctx, digest)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return mapset.Loaded{}, fmt.Errorf("%w: there is no object %.16s", ErrObject, digest)
	}
	if err != nil {
		return mapset.Loaded{}, failed("fetch", err)
	}
	if ok, err := complete(ctx, js, info); err != nil {
		return mapset.Loaded{}, failed("fetch", err)
	} else if !ok {
		return mapset.Loaded{}, fmt.Errorf("%w: object %.16s lacks some of its chunks", ErrObject, digest)
	}
	object, err := objects.Get(ctx, digest)
	if err != nil {
		return mapset.Loaded{}, failed("fetch", err)
	}
	defer object.Close()
	in, err := zstd.NewReader(object, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return mapset.Loaded{}, fmt.Errorf("tablesync: fetch: %w", err)
	}
	defer in.Close()
	loaded, err := folder.Unpack(policy, digest, in)
	if err == nil {
		return loaded, nil
	}
	if cut := object.Error(); cut != nil && !errors.Is(cut, jetstream.ErrDigestMismatch) {
		return mapset.Loaded{}, failed("fetch", cut) // the reading failed, not what was read
	}
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return mapset.Loaded{}, fmt.Errorf("tablesync: fetch: %w", err)
	}
	return mapset.Loaded{}, fmt.Errorf("%w: %w", ErrObject, err)
}

// complete reports that the server holds every chunk of an object. An object
// without any is described as before, and its reader would wait for the first
// until its time is over. The names of the stream and of its subjects are those
// of the NATS object store (ADR-20).
func complete(ctx context.Context, js jetstream.JetStream, object *jetstream.ObjectInfo) (bool, error) {
	stream, err := js.Stream(ctx, "OBJ_"+object.Bucket)
	if err != nil {
		return false, err
	}
	chunks := "$O." + object.Bucket + ".C." + object.NUID
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(chunks))
	if err != nil {
		return false, err
	}
	return info.State.Subjects[chunks] == uint64(object.Chunks), nil
}

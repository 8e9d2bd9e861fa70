package bridge

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/tablesync"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

// fetchWait bounds the fetching of one set.
const fetchWait = 2 * time.Minute

// beginRemote uses the set the pointer in NATS names, if there is one and it is
// whole. Without, an instance starts with the set it used last, which its folder
// keeps and which is verified as any other: a start must not depend on servers
// that its exchanges may need only later, and never changes the set by itself.
func (k *keeper) beginRemote(ctx context.Context, policy mapset.Policy) bool {
	js, err := jetstream.New(k.remote.nc)
	if err != nil {
		k.log.Warn("tables", zap.Error(err))
		return false
	}
	pointer, err := tablesync.Read(ctx, js, k.remote.place)
	if err != nil {
		k.log.Warn("tables: no pointer at the start; the set used last stays in use", zap.Error(err))
		return false
	}
	return k.obey(ctx, js, policy, pointer)
}

// sightings tells where the pointer in NATS is. The second channel is closed
// when nothing more can come.
func (k *keeper) sightings(ctx context.Context) (<-chan tablesync.Sighting, <-chan struct{}) {
	ended := make(chan struct{})
	if k.remote == nil {
		close(ended)
		return nil, ended
	}
	sightings := make(chan tablesync.Sighting)
	go func() {
		defer close(ended)
		err := tablesync.Watch(ctx, k.remote.nc, k.remote.place, func(s tablesync.Sighting) {
			select {
			case sightings <- s:
			case <-ctx.Done():
			}
		})
		if err != nil {
			k.log.Error("tables: the pointer in NATS is not followed", zap.Error(err))
		}
	}()
	return sightings, ended
}

// follow does what a sighting of the pointer asks for. A pointer that was used
// or refused already asks for nothing.
func (k *keeper) follow(ctx context.Context, s tablesync.Sighting) {
	if s.Err != nil && !tablesync.Absent(s.Err) {
		if !k.remote.apart {
			k.log.Warn("tables: the pointer in NATS cannot be read; the running set stays", zap.Error(s.Err))
		}
		k.remote.apart = true
		return
	}
	k.remote.apart = false
	if s.Err != nil {
		k.lost(s)
		return
	}
	if s.Pointer == k.remote.last {
		return
	}
	if s.Pointer.Digest == k.current.Load().pointer.Digest && k.refused.Load() == nil {
		k.remote.last = s.Pointer
		return
	}
	policy, faults := k.policy(ctx)
	if len(faults) > 0 {
		k.remote.last = s.Pointer
		k.refuse(s.Pointer.Digest, s.Pointer.By, faults)
		return
	}
	js, err := jetstream.New(k.remote.nc)
	if err != nil {
		k.log.Warn("tables", zap.Error(err))
		return
	}
	k.obey(ctx, js, policy, s.Pointer)
}

// lost is a pointer that was there and is gone, or that is not one of ours.
func (k *keeper) lost(s tablesync.Sighting) {
	if s.Pointer == k.remote.last { // said already; or nothing was pushed yet, and both are zero
		return
	}
	k.remote.last = s.Pointer
	k.refuse("", "", []mapping.Fault{{File: "NATS", What: s.Err.Error(), Why: "it is not known which set is to be active", Mend: tablesync.Command}})
}

// obey fetches the set a pointer names, where it is not kept yet, verifies it
// and uses it; else it says why not. It reports whether the set is in use. What
// may pass, as servers that do not answer, is tried again at the next sighting.
func (k *keeper) obey(ctx context.Context, js jetstream.JetStream, policy mapset.Policy, pointer tablesync.Pointer) bool {
	report, err := k.point(ctx, js, policy, pointer)
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, tablesync.ErrObject):
		report.Faults = []mapping.Fault{{File: "NATS", What: err.Error(), Why: "what is not whole cannot act", Mend: tablesync.Command}}
	case err != nil:
		k.log.Warn("tables: the set in NATS cannot be fetched now", zap.String("digest", pointer.Digest), zap.Error(err))
		return false
	}
	k.remote.last = pointer
	if len(report.Faults) > 0 {
		k.refuse(pointer.Digest, pointer.By, report.Faults)
		return false
	}
	reason := reasonChange
	if k.current.Load() == nil {
		reason = reasonStart
	}
	k.use(report.Loaded, policy.Day, reason)
	k.seen = k.activeMark()
	return true
}

// point makes the folder point to a set, and fetches it where the folder does
// not keep it whole.
func (k *keeper) point(ctx context.Context, js jetstream.JetStream, policy mapset.Policy, pointer tablesync.Pointer) (mapset.Report, error) {
	if k.keeps(pointer.Digest) {
		report, err := k.folder.Point(policy, pointer.Digest, pointer.By, k.now())
		if err == nil && len(report.Faults) == 0 {
			return report, nil
		}
	}
	fetching, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	loaded, err := tablesync.Fetch(fetching, js, k.remote.place, k.folder, policy, pointer.Digest)
	if err != nil || len(loaded.Faults) > 0 {
		return mapset.Report{Loaded: loaded}, err
	}
	return k.folder.Point(policy, pointer.Digest, pointer.By, k.now())
}

func (k *keeper) keeps(digest string) bool {
	sets, err := k.folder.Sets()
	if err != nil {
		return false
	}
	for _, s := range sets {
		if s.Digest == digest && s.Fault == "" {
			return true
		}
	}
	return false
}

// obeyed looks at the folder of an instance that follows the pointer in NATS:
// nobody else may change which set is active there. A change is refused, and the
// folder made to say again which set runs, for a start without the servers uses
// that one. It reports whether the folder says so.
func (k *keeper) obeyed(ctx context.Context) bool {
	running := k.current.Load().pointer
	pointer, _, err := k.folder.Active()
	if err == nil && pointer.Digest == running.Digest {
		return true
	}
	if look := k.activeMark(); look == k.seen {
		return false
	} else {
		k.seen = look
	}
	before := k.refused.Load() // of the pointer in NATS
	k.refuse(pointer.Digest, pointer.By, []mapping.Fault{{File: filepath.Join(k.folder.SetsDir(), "ACTIVE"), What: "it was changed on this machine",
		Why: "the pointer in NATS says which set all instances use", Mend: tablesync.Command}})
	if running.Digest == "" {
		return false
	}
	policy, faults := k.policy(ctx)
	if len(faults) > 0 {
		return false
	}
	report, err := k.folder.Point(policy, running.Digest, running.By, k.now())
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		k.log.Warn("tables: the folder does not say which set runs", zap.Error(err))
		return false
	}
	k.seen = k.activeMark()
	k.refused.Store(before) // the change is undone; what the pointer asks for stays refused
	return false
}

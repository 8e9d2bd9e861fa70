package bridge

import (
	"context"
	"errors"
	"net/http"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkspan/linkspan/bridge/tablesync"
	"github.com/linkspan/linkspan/mapping/mapset"
)

var errTablesEnded = errors.New("tables: the instance stops")

// ask has the goroutine that keeps the tables do something, and waits for it.
func (k *keeper) ask(ctx context.Context, do func(context.Context) error) error {
	done := make(chan error, 1)
	select {
	case k.asks <- func(keeping context.Context) { done <- do(keeping) }:
	case <-k.ended:
		return errTablesEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload reads now what is active, also where nothing seems to have changed. The
// error is that the running set stays because another is refused.
func (k *keeper) reload(ctx context.Context) error {
	return k.ask(ctx, func(ctx context.Context) error {
		if k.remote != nil {
			js, err := jetstream.New(k.remote.nc)
			if err != nil {
				return err
			}
			pointer, err := tablesync.Read(ctx, js, k.remote.place)
			k.follow(ctx, tablesync.Sighting{Pointer: pointer, Err: err})
			if err != nil && !tablesync.Absent(err) {
				return errors.New("tables: the pointer in NATS cannot be read")
			}
		} else {
			k.seen = "" // of nothing
			k.lookActive(ctx)
		}
		if k.refused.Load() != nil {
			return errors.New("tables: the set is refused, event.tables says why")
		}
		return nil
	})
}

// rollback makes the set before the active one active again, as linkspan tables
// rollback does. Where the sets come from NATS all instances follow one pointer,
// and one of them must not go its own way.
func (k *keeper) rollback(ctx context.Context, by string) error {
	return k.ask(ctx, func(ctx context.Context) error {
		switch {
		case k.remote != nil:
			return refused(http.StatusConflict, "the sets come from NATS: use %s with the digest of the set before", tablesync.Command)
		case k.folder.Dir() == "":
			return refused(http.StatusConflict, "there is no tables folder, only the starter tables")
		}
		policy, faults := k.policy(ctx)
		if len(faults) > 0 {
			return refused(http.StatusUnprocessableEntity, "the set in use stays: %s", faults[0])
		}
		report, err := k.folder.Rollback(policy, "", by, k.now())
		var elsewhere *mapset.MasterError
		switch {
		case errors.As(err, &elsewhere):
			return refused(http.StatusConflict, "the sets of this folder come from elsewhere: use %s", elsewhere.Command)
		case err != nil:
			return refused(http.StatusConflict, "%s", err)
		case len(report.Faults) > 0:
			return refused(http.StatusUnprocessableEntity, "the set in use stays, the one before has %d faults: %s", len(report.Faults), report.Faults[0])
		}
		k.seen = ""
		k.lookActive(ctx)
		if k.refused.Load() != nil {
			return refused(http.StatusUnprocessableEntity, "the set is refused, event.tables says why")
		}
		return nil
	})
}

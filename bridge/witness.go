package bridge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/spine"
)

// witnesses keep how far the audit log of each instance of the exchange role
// had got, as its answers said, in a file of the edge's own: proof, on another
// machine than the log's, of what the log must still hold (safety IG-12). They
// are written now and then, and when the edge stops; the answers of the last
// moments before a crash have the checkpoints.
type witnesses struct {
	file string
	log  *zap.Logger

	mu      sync.Mutex
	newest  map[string]spine.Witness // by instance
	changed bool
}

func newWitnesses(dir, system string, log *zap.Logger) *witnesses {
	w := &witnesses{file: filepath.Join(dir, "witness-"+system+".json"), log: log, newest: map[string]spine.Witness{}}
	text, err := os.ReadFile(w.file)
	if err == nil {
		err = json.Unmarshal(text, &w.newest)
	}
	if err != nil && !os.IsNotExist(err) { // what was kept is lost; no exchange may fail for it
		log.Error("witnesses", zap.Error(err))
		w.newest = map[string]spine.Witness{}
	}
	return w
}

func (w *witnesses) keep(seen *spine.Witness) {
	if seen == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if seen.Seq > w.newest[seen.Instance].Seq {
		w.newest[seen.Instance] = *seen
		w.changed = true
	}
}

// save writes what has changed, whole or not at all.
func (w *witnesses) save() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.changed {
		return
	}
	text, err := json.MarshalIndent(w.newest, "", "  ")
	if err == nil {
		err = os.WriteFile(w.file+".new", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(w.file+".new", w.file)
	}
	if err != nil {
		w.log.Error("witnesses", zap.Error(err))
		return
	}
	w.changed = false
}

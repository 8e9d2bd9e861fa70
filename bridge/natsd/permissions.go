package natsd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Permissions are what the servers let a connection do. A subject that is denied
// looks to whoever asks there like silence, so they are asked for beforehand.
type Permissions struct {
	User, Account string
	own           *server.Permissions // nil where there is no bound
}

// ReadPermissions asks the server what this connection may do.
func ReadPermissions(ctx context.Context, nc *nats.Conn) (Permissions, error) {
	answer, err := nc.RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
	if err != nil {
		return Permissions{}, fmt.Errorf("natsd: permissions: %w", err)
	}
	var info struct {
		Data  *server.UserInfo `json:"data"`
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &info); err != nil || info.Data == nil {
		return Permissions{}, errors.New("natsd: permissions: the server does not say")
	}
	return Permissions{User: info.Data.UserID, Account: info.Data.Account, own: info.Data.Permissions}, nil
}

// TrySubscribe reports whether the connection may subscribe, by doing so for a
// moment: what comes meanwhile is dropped. It is for where the server does not
// say.
func TrySubscribe(nc *nats.Conn, subject string, wait time.Duration) bool {
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		return false
	}
	defer func() { _ = sub.Unsubscribe() }()
	if nc.FlushTimeout(wait) != nil {
		return true // nothing was learned
	}
	_, err = sub.NextMsg(time.Millisecond) // a refusal has come by now
	return !errors.Is(err, nats.ErrPermissionViolation)
}

// MayPublish reports whether the connection may publish on a subject.
func (p Permissions) MayPublish(subject string) bool {
	return p.own == nil || may(p.own.Publish, subject)
}

// MaySubscribe reports whether it may subscribe, to the whole of a subject where
// that has wildcards.
func (p Permissions) MaySubscribe(subject string) bool {
	return p.own == nil || may(p.own.Subscribe, subject)
}

// MayAnswer reports whether the connection may publish on the private inbox of
// whoever asked it: because it may publish there anyhow, or as an answer.
func (p Permissions) MayAnswer() bool {
	return p.own == nil || p.own.Response != nil || p.MayPublish("_INBOX.>")
}

// may judges as the server does: a denial goes before an allowance, and no
// allowance at all is everything.
func may(p *server.SubjectPermission, subject string) bool {
	if p == nil {
		return true
	}
	if slices.ContainsFunc(p.Deny, func(denied string) bool { return server.SubjectsCollide(denied, subject) }) {
		return false
	}
	return len(p.Allow) == 0 || slices.ContainsFunc(p.Allow, func(allowed string) bool { return server.SubjectMatchesFilter(subject, allowed) })
}

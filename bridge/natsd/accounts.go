package natsd

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// The accounts, and the one user of LINK.
const (
	accountLink       = "LINK"
	accountOperations = "OPS"
	accountSystem     = "SYS"
	linkUser          = "link"
)

// What OPS sees. Nothing here may ever match the subject of a record request
// or of its answer.
var (
	// streams are published by LINK and heard by OPS.
	streams = []string{"linkspan.*.event.>", "linkspan.*.heartbeat.*"}
	// services are asked by OPS and answered by LINK; control is how OPS changes
	// anything, and the instance that is asked writes it into its audit log. $SRV and tables are answered
	// by every instance, hence the streamed response.
	services = []string{"linkspan.*.health", "linkspan.*.status", "linkspan.*.metrics", "linkspan.*.tables", "linkspan.*.control.*.*", "$SRV.>"}
	// serverServices are answered by the server itself. Profiles, connection
	// lists, reload and kick stay with SYS.
	serverServices = []string{"$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.PING.VARZ",
		"$SYS.REQ.SERVER.PING.HEALTHZ", "$SYS.REQ.SERVER.PING.JSZ"}
)

// accounts fills in accounts and users. The OPS user's permissions repeat the
// imports, so that one operations client cannot publish a false event to
// another inside their own account.
func (s *Server) accounts(o *server.Options) {
	link, operations, system := server.NewAccount(accountLink), server.NewAccount(accountOperations), server.NewAccount(accountSystem)
	o.Accounts = []*server.Account{link, operations, system}
	o.SystemAccount = accountSystem
	o.Users = []*server.User{{
		Username: linkUser, Password: s.password, Account: link,
		AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeInProcess: {}},
	}}
	if s.host == "" {
		return
	}
	for _, subject := range streams {
		must(link.AddStreamExport(subject, []*server.Account{operations}))
		must(operations.AddStreamImport(link, subject, ""))
	}
	share := func(from *server.Account, subjects []string) {
		for _, subject := range subjects {
			must(from.AddServiceExportWithResponse(subject, server.Streamed, []*server.Account{operations}))
			must(operations.AddServiceImport(from, subject, subject))
		}
	}
	share(link, services)
	share(system, serverServices)
	// To its own inbox a client publishes to time the round trip, as nats server
	// check connection does.
	ask := append(append([]string{"$SYS.REQ.USER.INFO", "_INBOX.>"}, services...), serverServices...)
	o.Users = append(o.Users, &server.User{
		Username: s.options.OperationsUser, Password: s.options.OperationsPassword, Account: operations,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: ask},
			Subscribe: &server.SubjectPermission{Allow: append([]string{"_INBOX.>"}, streams...)},
		},
		AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeStandard: {}},
	})
}

// must stops on a fault in the constant lists above; nothing a user configures
// reaches it.
func must(err error) {
	if err != nil {
		panic("natsd: accounts: " + err.Error())
	}
}

// enableStore gives the LINK account JetStream; an account without it would
// refuse every stream although the server has a store.
func enableStore(ns *server.Server) error {
	account, err := ns.LookupAccount(accountLink)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := account.EnableJetStream(nil, nil); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

package natsd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// The accounts, and the one user of LINK.
const (
	accountLink       = "LINK"
	accountOperations = "OPS"
	accountHub        = "HUB"
	accountSystem     = "SYS"
	linkUser          = "link"
)

// What operations see: the user of the operations listener in OPS, and the hub
// of a leaf in HUB. Nothing here may ever match the subject of a record request
// or of its answer.
var (
	// streams are published by LINK and heard by operations.
	streams = []string{"linkspan.*.event.>", "linkspan.*.heartbeat.*"}
	// services are asked by operations and answered by LINK; control is how they
	// change anything, and the instance that is asked writes it into its audit
	// log. $SRV and tables are answered by every instance, hence the streamed
	// response.
	services = []string{"linkspan.*.health", "linkspan.*.status", "linkspan.*.metrics", "linkspan.*.tables", "linkspan.*.control.*.*", "$SRV.>"}
	// serverServices are answered by the server itself. Profiles, connection
	// lists, reload and kick stay with SYS.
	serverServices = []string{"$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.PING.VARZ",
		"$SYS.REQ.SERVER.PING.HEALTHZ", "$SYS.REQ.SERVER.PING.JSZ"}
)

// accounts fills in accounts and users: an account of operations for each way in
// that there is.
func (s *Server) accounts(o *server.Options) {
	link, system := server.NewAccount(accountLink), server.NewAccount(accountSystem)
	o.Accounts = []*server.Account{link, system}
	o.SystemAccount = accountSystem
	o.Users = []*server.User{{
		Username: linkUser, Password: s.password, Account: link,
		AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeInProcess: {}},
	}}
	if s.host != "" {
		operations := server.NewAccount(accountOperations)
		show(operations, "*", link, system)
		o.Accounts, o.Users = append(o.Accounts, operations), append(o.Users, s.operator(operations))
	}
	if s.options.Leaf != nil {
		hub := server.NewAccount(accountHub)
		show(hub, s.options.Leaf.Economy, link, system)
		o.Accounts, o.LeafNode.Remotes = append(o.Accounts, hub), []*server.RemoteLeafOpts{s.options.Leaf.remote()}
	}
}

// show has an account import what operations see of an economy, * for any, and
// nothing else.
func show(to *server.Account, economy string, link, system *server.Account) {
	of := func(subject string) string { return strings.Replace(subject, ".*.", "."+economy+".", 1) }
	for _, subject := range streams {
		must(link.AddStreamExport(subject, []*server.Account{to}))
		must(to.AddStreamImport(link, of(subject), ""))
	}
	share := func(from *server.Account, subjects []string) {
		for _, subject := range subjects {
			must(from.AddServiceExportWithResponse(subject, server.Streamed, []*server.Account{to}))
			must(to.AddServiceImport(from, of(subject), of(subject)))
		}
	}
	share(link, services)
	share(system, serverServices)
}

// operator is the user of the operations listener. Its permissions repeat the
// imports, so that one operations client cannot publish a false event to another
// inside their own account. To its own inbox a client publishes to time the
// round trip, as nats server check connection does.
func (s *Server) operator(operations *server.Account) *server.User {
	return &server.User{
		Username: s.options.OperationsUser, Password: s.options.OperationsPassword, Account: operations,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: slices.Concat([]string{"$SYS.REQ.USER.INFO", "_INBOX.>"}, services, serverServices)},
			Subscribe: &server.SubjectPermission{Allow: slices.Concat([]string{"_INBOX.>"}, streams)},
		},
		AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeStandard: {}},
	}
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

//go:build !windows

package main

import "context"

// platformCommands are those of this operating system alone: none here.
type platformCommands struct{}

// supervised runs the daemon under the service manager of this system, which is
// told by sd_notify(3) where it asked for it.
func supervised(ctx context.Context, daemon daemonFunc) error {
	return daemon(ctx, func(s state) { _ = notify(map[state]string{ready: "READY=1", stopping: "STOPPING=1"}[s]) })
}

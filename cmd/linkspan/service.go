package main

import "context"

// daemonFunc is the daemon: it runs until ctx ends or it fails, and tells how
// it does.
type daemonFunc = func(ctx context.Context, tell func(state)) error

// state is what a service manager is told.
type state int

const (
	starting state = iota
	ready
	stopping
)

// request is what a service manager that sends requests, as Windows does, asks of
// the daemon.
type request int

const (
	requestStop  request = iota // drain and end
	requestState                // say again how it does
)

// serviceArguments are those that the service is started with.
func serviceArguments(envFile, logFile string) []string {
	return []string{"run", "--env-file", envFile, "--log-file", logFile}
}

// serve runs the daemon under a service manager that sends requests: it tells
// each change, tells the last again when it is asked, and ends the daemon when
// it is told to. Once it is stopping it is never said to be ready.
func serve(ctx context.Context, daemon daemonFunc, asked <-chan request, tell func(state)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changes, ended := make(chan state), make(chan error, 1)
	go func() { ended <- daemon(ctx, func(s state) { changes <- s }) }()
	now := starting
	change := func(s state) {
		if s > now {
			now = s
			tell(now)
		}
	}
	for {
		select {
		case s := <-changes:
			change(s)
		case a, open := <-asked:
			switch {
			case !open:
				asked = nil
			case a == requestStop:
				stop()
				change(stopping)
			case now != starting:
				tell(now)
			}
		case err := <-ended:
			return err
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// platformCommands are those of this operating system alone.
type platformCommands struct {
	Service serviceCommand `cmd:"" help:"Have Windows run the daemon as a service."`
}

type serviceCommand struct {
	Install   serviceInstall   `cmd:"" help:"Install the service; it starts with Windows."`
	Uninstall serviceUninstall `cmd:"" help:"Take the service away. Settings, keys and data stay."`
	Start     serviceStart     `cmd:"" help:"Start the service."`
	Stop      serviceStop      `cmd:"" help:"Drain and stop the service."`
}

const serviceName = "linkspan"

// serviceInstall names every file in full: a service starts in the folder of
// Windows.
type serviceInstall struct {
	EnvFile string `required:"" type:"existingfile" help:"File of settings." placeholder:"FILE"`
	LogFile string `required:"" type:"path" help:"File the log is appended to." placeholder:"FILE"`
}

// Run installs the service under the account of least right that has a network,
// restarted when it fails.
func (c serviceInstall) Run() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if c.EnvFile, err = filepath.Abs(c.EnvFile); err != nil {
		return err
	}
	return managed(func(m *mgr.Mgr) error {
		s, err := m.CreateService(serviceName, program, mgr.Config{
			DisplayName: "Linkspan", Description: "Carries record requests between two clinical systems.",
			StartType: mgr.StartAutomatic, DelayedAutoStart: true, ServiceStartName: `NT AUTHORITY\LocalService`,
		}, serviceArguments(c.EnvFile, c.LogFile)...)
		if err != nil {
			return err
		}
		defer s.Close()
		again := mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: 5 * time.Second}
		return errors.Join(s.SetRecoveryActions([]mgr.RecoveryAction{again, again, again}, 300), s.SetRecoveryActionsOnNonCrashFailures(true))
	})
}

type serviceUninstall struct{}

// Run marks the service for deletion.
func (serviceUninstall) Run() error {
	return installed(func(s *mgr.Service) error { return s.Delete() })
}

type serviceStart struct{}

// Run starts the service; what became of it stands in its log.
func (serviceStart) Run() error {
	return installed(func(s *mgr.Service) error { return s.Start() })
}

type serviceStop struct{}

// Run asks the service to stop and waits until it has drained.
func (serviceStop) Run(ctx context.Context) error {
	return installed(func(s *mgr.Service) error {
		status, err := s.Control(svc.Stop)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, drainTime+10*time.Second)
		defer cancel()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for status.State != svc.Stopped {
			select {
			case <-ctx.Done():
				return errors.New("the service did not stop")
			case <-tick.C:
			}
			if status, err = s.Query(); err != nil {
				return err
			}
		}
		return nil
	})
}

func managed(do func(*mgr.Mgr) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("service manager: %w; run this as an administrator", err)
	}
	defer func() { _ = m.Disconnect() }()
	if err := do(m); err != nil {
		return fmt.Errorf("service %s: %w", serviceName, err)
	}
	return nil
}

func installed(do func(*mgr.Service) error) error {
	return managed(func(m *mgr.Mgr) error {
		s, err := m.OpenService(serviceName)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(s)
	})
}

// supervised runs the daemon as the service where Windows started it as one,
// and else as any command.
func supervised(ctx context.Context, daemon daemonFunc) error {
	service, err := svc.IsWindowsService()
	if err != nil {
		return err
	}
	if !service {
		return daemon(ctx, func(state) {})
	}
	h := &handler{ctx: ctx, daemon: daemon}
	return errors.Join(svc.Run(serviceName, h), h.err)
}

// handler is the daemon as Windows sees it: its words turned into those of
// serve, which is the same on every system.
type handler struct {
	ctx    context.Context
	daemon daemonFunc
	err    error
}

// Execute runs the daemon until it ends or Windows has it stop.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, statuses chan<- svc.Status) (bool, uint32) {
	asked, done := make(chan request), make(chan struct{})
	go func() {
		defer close(asked)
		for {
			select {
			case r := <-requests:
				a := requestStop
				if r.Cmd == svc.Interrogate {
					a = requestState
				}
				select {
				case asked <- a:
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	statuses <- svc.Status{State: svc.StartPending, WaitHint: uint32((time.Minute).Milliseconds())}
	h.err = serve(h.ctx, h.daemon, asked, func(s state) {
		switch s {
		case ready:
			statuses <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
		case stopping:
			statuses <- svc.Status{State: svc.StopPending, WaitHint: uint32((drainTime + 5*time.Second).Milliseconds())}
		}
	})
	close(done)
	if h.err != nil {
		return true, 1
	}
	return false, 0
}

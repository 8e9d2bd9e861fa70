package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/secret"
)

// drainTime bounds how long a stopping daemon waits for what is under way.
const drainTime = 30 * time.Second

type runCommand struct {
	envFile
	LogFile string `help:"Append the log to this file; default the standard error." placeholder:"FILE"`
}

// Help is the table of variables, so that `linkspan run --help` prints it. Its
// lines are indented, so that they are not wrapped.
func (runCommand) Help() string {
	var table strings.Builder
	if err := bridge.Usage(&table); err != nil {
		return err.Error()
	}
	return "Settings are environment variables, and a LINKSPAN_ variable that is none of these is refused. " +
		"docs/run.md walks through an example.\n\n  " + strings.ReplaceAll(strings.TrimSpace(table.String()), "\n", "\n  ")
}

// Run runs the daemon until it is told to stop, by a signal or by the service
// manager it runs under, then drains.
func (c runCommand) Run(ctx context.Context) error {
	if err := secret.NoCoreDumps(); err != nil {
		return err
	}
	to := os.Stderr
	if c.LogFile != "" {
		file, err := os.OpenFile(c.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--log-file: %w", err)
		}
		defer file.Close()
		to = file
	}
	err := supervised(ctx, func(ctx context.Context, tell func(state)) error { return c.daemon(ctx, to, tell) })
	if err != nil && c.LogFile != "" { // where nobody may see the standard error
		fmt.Fprintln(to, "linkspan:", err)
	}
	return err
}

func (c runCommand) daemon(ctx context.Context, to *os.File, tell func(state)) error {
	if err := c.set(); err != nil {
		return err
	}
	config, err := bridge.ReadConfig()
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log, err := logger(config.LogLevel, to)
	if err != nil {
		return err
	}
	// What ends the daemon must not end what it is doing: Stop drains.
	b, err := bridge.Start(context.WithoutCancel(ctx), config, bridge.Options{Log: log, Version: version})
	if err != nil {
		return err
	}
	defer watchdog(func() { b.Report() })()
	tell(ready)
	var failed error
	select {
	case <-ctx.Done():
		log.Info("draining")
	case <-b.DrainAsked():
		log.Info("draining", zap.String("because", "operations asked"))
	case failed = <-b.Failed():
	}
	tell(stopping)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(failed, b.Stop(bounded))
}

func logger(level string, to zapcore.WriteSyncer) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_LOG_LEVEL: %w", err)
	}
	form := zap.NewProductionEncoderConfig()
	form.EncodeTime = zapcore.ISO8601TimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(form), zapcore.Lock(to), zap.NewAtomicLevelAt(parsed))
	return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, 100, 100), zap.AddCaller(), zap.AddStacktrace(zapcore.ErrorLevel)), nil
}

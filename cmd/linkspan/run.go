package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/secret"
)

// drainTime bounds how long a stopping daemon waits for what is under way.
const drainTime = 30 * time.Second

type runCommand struct{}

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

// Run runs the daemon until it is told to stop, then drains.
func (runCommand) Run(ctx context.Context) error {
	if err := secret.NoCoreDumps(); err != nil {
		return err
	}
	config, err := bridge.ReadConfig()
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log, err := logger(config.LogLevel)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	// What ends the daemon must not end what it is doing: Stop drains.
	b, err := bridge.Start(context.WithoutCancel(ctx), config, bridge.Options{Log: log, Version: version})
	if err != nil {
		return err
	}
	var failed error
	select {
	case <-ctx.Done():
		log.Info("draining")
	case failed = <-b.Failed():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(failed, b.Stop(bounded))
}

func logger(level string) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("LINKSPAN_LOG_LEVEL: %w", err)
	}
	c := zap.NewProductionConfig()
	c.Level = zap.NewAtomicLevelAt(parsed)
	c.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	return c.Build()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/linkspan/linkspan/bridge"
)

// drainTime bounds how long a stopping daemon waits for what is under way.
const drainTime = 30 * time.Second

type runCommand struct{}

// Help is the table of variables, so that `linkspan run --help` prints it.
func (runCommand) Help() string { return "Settings are environment variables; see below." }

// AfterApply is here so that kong knows the command takes nothing else.
func (runCommand) AfterApply(*kong.Context) error { return nil }

// Run runs the daemon until it is told to stop, then drains.
func (runCommand) Run(ctx context.Context) error {
	config, err := bridge.ReadConfig()
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	log, err := logger(config.LogLevel)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	b, err := bridge.Start(ctx, config, bridge.Options{Log: log, Version: version})
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

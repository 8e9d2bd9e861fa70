package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A manager that sends requests, as Windows does: each change is told once, the
// last again when asked, and a stop drains.
func TestAServiceIsToldToStop(t *testing.T) {
	asked, told, drained := make(chan request), make(chan state, 10), false
	ended := make(chan error, 1)
	go func() {
		ended <- serve(t.Context(), func(ctx context.Context, tell func(state)) error {
			tell(ready)
			<-ctx.Done()
			tell(stopping)
			drained = true
			return nil
		}, asked, func(s state) { told <- s })
	}()
	require.Equal(t, ready, <-told)
	asked <- requestState
	require.Equal(t, ready, <-told)
	asked <- requestStop
	require.Equal(t, stopping, <-told)
	require.NoError(t, <-ended)
	require.True(t, drained)
	require.Empty(t, told, "no change is told twice")
}

// A stop while it starts ends it, and it is never said to be ready.
func TestAServiceIsStoppedWhileItStarts(t *testing.T) {
	asked, told := make(chan request), make(chan state, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- serve(t.Context(), func(ctx context.Context, tell func(state)) error {
			<-ctx.Done()
			tell(ready)
			tell(stopping)
			return nil
		}, asked, func(s state) { told <- s })
	}()
	asked <- requestState
	asked <- requestStop
	require.NoError(t, <-ended)
	require.Equal(t, stopping, <-told)
	require.Empty(t, told)
}

// What ends the daemon by itself ends the service with it; a manager that has
// gone silent does not.
func TestAServiceFails(t *testing.T) {
	failed := errors.New("the daemon failed")
	asked := make(chan request)
	close(asked)
	err := serve(t.Context(), func(context.Context, func(state)) error { return failed }, asked, func(state) {})
	require.ErrorIs(t, err, failed)
	require.Equal(t, []string{"run", "--env-file", "a", "--log-file", "b"}, serviceArguments("a", "b"))
}

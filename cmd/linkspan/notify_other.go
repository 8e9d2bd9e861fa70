//go:build !linux

package main

// notify has nobody to tell here.
func notify(string) error { return nil }

// watchdog has nobody to tell here.
func watchdog(func()) (stop func()) { return func() {} }

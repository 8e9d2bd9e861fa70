package main

import (
	"os/exec"
	"syscall"
)

// tied has a process end with this one, however that ends.
func tied(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

package engine

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel kill the process when the thread that starts it ends, also by a crash or a kill.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

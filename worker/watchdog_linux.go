package worker

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What node and watchdog say to each other over the lifeline, a line or a
// byte each. The watchdog's report is its last word: whoever has read it
// knows that no process is left.
const (
	controlTerminate = 'T'
	reportStarted    = "started"
	reportFailed     = "failed"

	watchdogName = "flow-watchdog"
)

// Descriptors that a watchdog inherits; the interpreter gets the first three under the same numbers.
const (
	fdRequests = 3
	fdAnswers  = 4
	fdLive     = 5
	fdControl  = 6
)

// Watchdog is the main function of a worker's watchdog, with the arguments
// after the subcommand: mark, interpreter and its arguments. It starts the
// interpreter and gives the exit code once no descendant of it is left: the
// interpreter's own end, the end of the lifeline, which is the node's end, and
// SIGTERM each end them all.
func Watchdog(args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "watchdog: this is started by a node, with a mark and a program")
		return 2
	}
	closeOnExec()
	control := os.NewFile(fdControl, "control")
	// A parent-death signal fires when the thread that forked ends, not the process.
	runtime.LockOSThread()
	pid, err := beginWatch(args[0], args[1:])
	if err != nil {
		fmt.Fprintln(control, reportFailed, err)
		return 1
	}
	fmt.Fprintln(control, reportStarted, pid)
	status := watch(pid, control)
	fmt.Fprintln(control, describe(status))
	return status.ExitStatus()
}

// beginWatch makes this process the one that all descendants fall back to,
// marks it, which they inherit, and starts the program.
func beginWatch(text string, argv []string) (int, error) {
	// Best effort: the name is for people, and against "end all called node".
	_ = os.WriteFile("/proc/self/comm", []byte(watchdogName), 0)
	if err := BecomeSubreaper(); err != nil {
		return 0, err
	}
	m, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read mark: %w", err)
	}
	carryMark(mark(m))
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, fdRequests, fdAnswers, fdLive},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	// Only the interpreter may hold these: their end tells the node that it ended.
	unix.Close(fdRequests)
	unix.Close(fdAnswers)
	unix.Close(fdLive)
	return pid, nil
}

// closeOnExec keeps descriptors from the interpreter: the lifeline, and any
// that the node itself has inherited.
func closeOnExec() {
	if unix.CloseRange(fdRequests, math.MaxUint32>>1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	for _, fd := range []int{fdRequests, fdAnswers, fdLive, fdControl} { // before Linux 5.11
		unix.CloseOnExec(fd)
	}
}

// watch waits for a reason to end, ends all descendants, and tells how the program ended.
func watch(pid int, control *os.File) syscall.WaitStatus {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	lifeline := make(chan struct{})
	go func() {
		defer close(lifeline)
		var b [1]byte
		for {
			if n, err := control.Read(b[:]); n == 0 || err != nil {
				return
			}
			if b[0] == controlTerminate {
				_ = syscall.Kill(-pid, syscall.SIGTERM)
			}
		}
	}()
	ended := make(chan syscall.WaitStatus, 1)
	none := make(chan struct{})
	go reap(pid, ended, none)

	var status syscall.WaitStatus
	known := false
	select {
	case status = <-ended:
		known = true
	case <-lifeline:
	case <-signals:
	}
	endDescendants(none)
	if !known {
		select {
		case status = <-ended:
		default: // it could not be killed
		}
	}
	return status
}

// reap waits for all children, adopted ones too, until there is none.
func reap(pid int, ended chan<- syscall.WaitStatus, none chan<- struct{}) {
	defer close(none)
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return // ECHILD
		}
		if got == pid {
			ended <- status
		}
	}
}

// endDescendants kills until none is left: one that was just forked is found
// the next time, since whoever loses its parent becomes this process's child.
func endDescendants(none <-chan struct{}) {
	for deadline := time.Now().Add(maxEnding); time.Now().Before(deadline); {
		for _, pid := range descendants(os.Getpid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-none:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// maxEnding is how long a kill is repeated; a process that a full disk or a
// dead mount holds in the kernel cannot be waited for longer.
const maxEnding = 10 * time.Second

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("killed by signal %d (%s)", status.Signal(), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("exited with status %d", status.ExitStatus())
}

package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elasticcode/flow/messages"
)

// start is Start without the launcher's own bookkeeping.
func (l *Launcher) start(ctx context.Context, env messages.Environment, events func(...Event)) (*Process, error) {
	p := &Process{
		launcher: l, mark: newMark(), events: events, limits: l.config.Limits,
		gone: make(chan struct{}), ended: make(chan struct{}),
	}
	p.dir = filepath.Join(l.config.Dir, dirPrefix+p.mark.String())
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, startError(env, err)
	}
	report, err := p.spawn(ctx, env)
	if err != nil {
		os.RemoveAll(p.dir)
		return nil, startError(env, err)
	}
	p.log = l.config.Logger.With("pid", p.pid, "module", env.Module)
	p.log.Debug("worker started", "commit", env.Commit)
	go p.run(report)
	return p, nil
}

func startError(env messages.Environment, err error) error {
	return messages.Errorf(messages.Unavailable, "start worker", env.Module, "%v", err)
}

// pipes are a worker's connections: the node's ends and the watchdog's.
type pipes struct {
	requests, answers, printed    *os.File // the node's
	requestsR, answersW, printedW *os.File // the watchdog's
	control, controlW             *os.File
	live                          *os.File // both have it
}

func (s *pipes) open() (err error) {
	if s.requestsR, s.requests, err = os.Pipe(); err != nil {
		return err
	}
	if s.answers, s.answersW, err = os.Pipe(); err != nil {
		return err
	}
	if s.printed, s.printedW, err = os.Pipe(); err != nil {
		return err
	}
	if s.live, err = newLive(); err != nil {
		return err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.control, s.controlW = os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	return nil
}

func (s *pipes) closeWatchdogs() { closeAll(s.requestsR, s.answersW, s.printedW, s.controlW) }

func (s *pipes) closeNodes() { closeAll(s.requests, s.answers, s.printed, s.control, s.live) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// spawn starts the watchdog, which starts the interpreter, and tells the
// interpreter what to import. It gives the stream that the watchdog's report
// will come on.
func (p *Process) spawn(ctx context.Context, env messages.Environment) (report *bufio.Reader, err error) {
	var s pipes
	err = s.open()
	defer s.closeWatchdogs()
	defer func() {
		if err != nil {
			s.closeNodes()
		}
	}()
	if err != nil {
		return nil, err
	}
	p.watchdog = p.command(env, &s)
	if err := p.watchdog.Start(); err != nil {
		return nil, err
	}
	s.closeWatchdogs()
	if report, err = p.started(ctx, &s); err == nil {
		err = p.connect(env, &s)
	}
	if err != nil {
		p.watchdog.Process.Kill()
		p.watchdog.Wait()
		endMarked([]mark{p.mark}, p.pid)
	}
	return report, err
}

func (p *Process) command(env messages.Environment, s *pipes) *exec.Cmd {
	path := p.launcher.config.Watchdog
	// Its own name keeps it alive when someone ends all processes called node.
	args := append([]string{watchdogName}, path[1:]...)
	args = append(args, p.mark.String(), env.Interpreter, "-u", p.launcher.runner)
	return &exec.Cmd{
		Path: path[0], Args: args, Env: environment(os.Environ(), env.Interpreter, p.mark), Dir: p.dir,
		Stdout: s.printedW, Stderr: s.printedW,
		ExtraFiles:  []*os.File{s.requestsR, s.answersW, s.live, s.controlW},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
}

// environment is the node's own without what is the node's alone: its
// settings, which may hold a key, and what would lead Python elsewhere.
func environment(own []string, interpreter string, m mark) []string {
	var env []string
	path := ""
	for _, v := range own {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "FLOW_"), name == "PYTHONPATH", name == "PYTHONHOME", name == "PYTHONSTARTUP", name == "VIRTUAL_ENV":
		case name == "PATH":
			path = string(os.PathListSeparator) + value
		default:
			env = append(env, v)
		}
	}
	return append(env, "PATH="+filepath.Dir(interpreter)+path, markVariable+"="+m.String())
}

// started waits for the watchdog to tell the interpreter's process id.
func (p *Process) started(ctx context.Context, s *pipes) (*bufio.Reader, error) {
	conn, err := net.FileConn(s.control)
	if err != nil {
		return nil, err
	}
	s.control.Close()
	p.control = conn.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	report := bufio.NewReader(conn)
	line, err := report.ReadString('\n')
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("its watchdog did not start: %w", err)
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word != reportStarted {
		conn.Close()
		return nil, errors.New(rest)
	}
	p.pid, err = strconv.Atoi(rest)
	return report, err
}

// connect sets up the node's ends and sends the first frame.
func (p *Process) connect(env messages.Environment, s *pipes) (err error) {
	if p.pipe, err = newRequests(s.requests); err != nil {
		return err
	}
	if p.printed, err = newPrinted(s.printed, p.limits.Log, p.idle); err != nil {
		return err
	}
	p.answers, p.live = s.answers, live{s.live}
	p.requests, p.completes = p.pipe.calls, p.addPrinted
	h := hello{Paths: env.Paths, Module: env.Module, MaxLog: p.limits.Log, MaxResult: p.limits.Result, MaxTraceback: p.limits.Traceback}
	if h.Paths == nil {
		h.Paths = []string{}
	}
	if env.ModulePath != "" {
		h.File = filepath.Join(env.Dir, env.ModulePath)
	}
	for _, o := range env.Overrides {
		h.Overrides = append(h.Overrides, override{o.GetFunction(), o.GetCode()})
	}
	return p.pipe.hello(h)
}

package worker

import (
	"bufio"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"time"
)

// patience is how long a watchdog has to end its processes before it is killed
// itself and its processes are looked for by their mark.
const patience = 2 * time.Second

// Process is a worker: an interpreter that has loaded one module, and its watchdog.
type Process struct {
	dialogue // its mu guards logged and ending, too
	launcher *Launcher
	log      *slog.Logger
	mark     mark
	dir      string
	pid      int
	watchdog *exec.Cmd
	control  *net.UnixConn // the lifeline: its end tells the watchdog to end everything
	pipe     *requests
	answers  *os.File
	printed  *printed
	live     live
	events   func(...Event)
	limits   Limits

	gone  chan struct{} // closed when no process of the worker is left
	ended chan struct{} // closed when Exited was told

	logged logged // answered works, the latest
	ending []*time.Timer
}

// PID is the interpreter's process id.
func (p *Process) PID() int { return p.pid }

// Dir is the worker's own directory, its current one. It is removed when the worker is gone.
func (p *Process) Dir() string { return p.dir }

// Ended is closed when Exited was told.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Terminate asks the worker's process group to end (SIGTERM), and kills
// everything after the grace. It does not wait; Exited tells the end.
func (p *Process) Terminate(grace time.Duration) {
	p.end("was stopped")
	_, _ = p.control.Write([]byte{controlTerminate}) // a watchdog that is gone has nothing to end
	p.after(grace, p.Kill)
}

// Kill ends all processes of the worker at once. It does not wait; Exited tells the end.
func (p *Process) Kill() {
	p.end("was killed")
	_ = p.control.CloseWrite() // a watchdog that is gone has nothing to end
	p.after(patience, func() { _ = p.watchdog.Process.Kill() })
}

// after runs f later, unless the processes are gone by then.
func (p *Process) after(d time.Duration, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gone:
	default:
		p.ending = append(p.ending, time.AfterFunc(d, f))
	}
}

// run reads answers until there are no more, sees to it that nothing is left,
// and tells the end. It is the goroutine that all events come from.
func (p *Process) run(report *bufio.Reader) {
	go p.guard(report)
	loaded, err := p.read(p.answers, p.events)
	if err != nil {
		p.end("was ended: it sent " + err.Error() + " in place of an answer")
		p.Kill()
	}
	select {
	case <-p.gone: // it exited by itself, and the watchdog told how
	case <-time.After(time.Second):
		p.end("was ended: it closed its answers")
		p.Kill()
		<-p.gone
	}
	p.end("")
	p.pipe.close()
	tail := p.printed.close()
	log := p.unanswered()
	p.answers.Close()
	p.live.file.Close()
	p.control.Close()
	if err := os.RemoveAll(p.dir); err != nil {
		p.log.Warn("cannot remove a worker's directory", "error", err)
	}
	p.launcher.forget(p)
	p.log.Debug("worker exited", "reason", p.reason)
	p.events(Exited{Reason: p.reason, Tail: tail, Log: log, Loaded: loaded})
	close(p.ended)
}

// guard waits for the watchdog. One that ends without its report was killed:
// then the worker's processes are found by their mark and ended here.
func (p *Process) guard(report *bufio.Reader) {
	line, _ := report.ReadString('\n')
	_ = p.watchdog.Wait() // how it ended is in its report, or does not matter
	if line == "" {
		line = "was ended: its watchdog died\n"
		p.log.Warn("a worker's watchdog died", "pid", p.pid)
		if left := endMarked([]mark{p.mark}, p.pid); left > 0 {
			p.log.Error("processes of a worker cannot be killed", "pid", p.pid, "processes", left)
		}
	}
	p.end(line[:len(line)-1])
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.gone)
	for _, t := range p.ending {
		t.Stop()
	}
}

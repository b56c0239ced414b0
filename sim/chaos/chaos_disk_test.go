//go:build e2e

package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/elasticcode/flow/sim/chaos/disk"
)

const (
	// onSmall is the node whose disk is small.
	onSmall      = 2
	smallEnough  = 768 << 20
	stopsWithin  = 10 * time.Second // of a sync that failed
	attachWithin = 5 * time.Second
)

// smallDisk gives one node a disk of its own, that can be filled.
func (c *chaos) smallDisk(t *testing.T, w *Network) {
	mount := filepath.Join(w.Dir, "disk")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", smallEnough)); err != nil {
		c.skipped["full disk"] = fmt.Sprintf("this user may not mount a small one: %v", err)
		return
	}
	c.disk = mount
	w.Nodes[onSmall].Data = filepath.Join(mount, w.Nodes[onSmall].Name)
	t.Cleanup(func() {
		w.Close()
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// probe finds out which of the faults that need a tool or a right cannot be had.
func (c *chaos) probe(n *Node) {
	if _, err := exec.LookPath("strace"); err != nil {
		c.skipped["slow fsync"], c.skipped["failing fsync"] = "strace is not installed", "strace is not installed"
	} else if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		why := fmt.Sprintf("strace: %v: %s", err, bytes.TrimSpace(out))
		c.skipped["slow fsync"], c.skipped["failing fsync"] = why, why
	}
	_, done, err := disk.Trace(exec.Command("true"), disk.NewImage(n.Data))
	if err != nil {
		c.skipped["loss of power"], c.skipped["loss of power of all"] = err.Error(), err.Error()
		return
	}
	<-done
}

// full leaves little room on the small disk, or none. A node that stops for that
// says so, and starts when there is room again.
func (c *chaos) full(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("full disk", onSmall, func(n *Node) string {
		leave := []int64{0, 8 << 20}[random.IntN(2)]
		c.say("the disk of %s has %d bytes left", n.Name, leave)
		before := logOf(n)
		empty := fillDisk(c.t, c.disk, leave)
		rest(ctx, lasting)
		empty()
		// What met the end of the room just now ends the node a moment later.
		room, patience := time.Now(), time.Second
		for n.PID() != 0 && time.Since(room) < patience {
			if strings.Contains(strings.TrimPrefix(logOf(n), before), "msg=stopping") {
				patience = stopLimit
			}
			rest(ctx, 20*time.Millisecond)
		}
		if n.PID() != 0 {
			return "there is room again"
		}
		if last := lastWords(n); !strings.Contains(last, "disk full; make room") {
			c.t.Errorf("node %s ended on a full disk and does not say so: %s", n.Name, last)
		}
		c.start(n)
		return "it had stopped, and started again"
	})
}

// stopLimit is how long a node may take that stops by itself.
const stopLimit = 20 * time.Second

func logOf(n *Node) string {
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(log)
}

// lastWords is what a node wrote at its end: why it ends may take some lines.
func lastWords(n *Node) string {
	lines := strings.Split(strings.TrimSpace(logOf(n)), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}

// inject has strace tamper with a node's syncs; the first line that it writes
// says that it does.
func (c *chaos) inject(n *Node, how string) (stop func() (injected int), err error) {
	var seen, errs bytes.Buffer
	cmd := exec.Command("strace", "-f", "-p", strconv.Itoa(n.PID()), "-e", "trace=fsync,fdatasync,sync_file_range", "-e", "inject=fsync,fdatasync,sync_file_range:"+how, "-o", "/dev/stdout")
	cmd.Stdout, cmd.Stderr = &seen, &errs
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() int {
		_ = cmd.Process.Signal(syscall.SIGINT) // it lets go of the node
		_ = cmd.Wait()
		return strings.Count(seen.String(), "INJECTED") + strings.Count(seen.String(), "DELAYED")
	}, nil
}

func (c *chaos) slowSync(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("slow fsync", random.IntN(3), func(n *Node) string {
		each := time.Duration(5+random.IntN(400)) * time.Millisecond
		c.say("each fsync of %s takes %s more", n.Name, each)
		stop, err := c.inject(n, fmt.Sprintf("delay_enter=%d", each.Microseconds()))
		if err != nil {
			c.t.Error(err)
			return ""
		}
		rest(ctx, lasting)
		return fmt.Sprintf("%d of %s", stop(), n.Name)
	})
}

// failingSync lets syncs of a node fail, which must stop it: what is on disk is
// not known any more.
func (c *chaos) failingSync(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("failing fsync", random.IntN(3), func(n *Node) string {
		c.say("each fsync of %s fails", n.Name)
		stop, err := c.inject(n, "error=EIO")
		if err != nil {
			c.t.Error(err)
			return ""
		}
		limited, cancel := context.WithTimeout(ctx, lasting)
		defer cancel()
		_ = Until(limited, n.Name+" to stop", func() bool { return n.PID() == 0 })
		failed := stop()
		if n.PID() == 0 {
			last := lastLine(n)
			c.start(n)
			return fmt.Sprintf("%s stopped after %d: %s", n.Name, failed, last)
		}
		if failed > 0 {
			limited, cancel := context.WithTimeout(ctx, stopsWithin)
			defer cancel()
			if Until(limited, n.Name+" to stop", func() bool { return n.PID() == 0 }) != nil {
				c.t.Errorf("node %s goes on although %d syncs failed", n.Name, failed)
			}
		}
		n.Kill()
		c.start(n)
		return fmt.Sprintf("%s: %d, and it was started again", n.Name, failed)
	})
}

func (c *chaos) powerOff(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("loss of power", random.IntN(3), func(n *Node) string { return c.power(ctx, lasting, n) })
}

func (c *chaos) powerOffAll(ctx context.Context, _ *rand.Rand, lasting time.Duration) string {
	return c.all("loss of power of all", func() string { return c.power(ctx, lasting, c.w.Nodes...) })
}

// power restarts nodes under the eyes of tracers, ends them after a while, and
// starts them on what they had synced.
func (c *chaos) power(ctx context.Context, lasting time.Duration, nodes ...*Node) string {
	for _, n := range nodes {
		n.Kill()
		n.Disk = disk.NewImage(n.Data)
		if err := n.Disk.Adopt(); err != nil {
			c.t.Error(err)
		}
	}
	c.say("%d nodes run on disks that lose what is not synced", len(nodes))
	c.start(nodes...)
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, n := range nodes {
		_ = Until(limited, n.Name+" to be ready", func() bool { _, ready := n.Ready(); return ready || n.PID() == 0 })
	}
	rest(ctx, lasting)
	c.say("%d nodes lose power", len(nodes))
	KillAll(nodes)
	syncs := 0
	for _, n := range nodes {
		syncs += n.Disk.Syncs()
		if err := c.lay(n); err != nil {
			c.t.Error(err)
		}
	}
	c.start(nodes...)
	return fmt.Sprintf("%d nodes started on what %d syncs had kept", len(nodes), syncs)
}

// lay puts what a node had synced in the place of what it had written.
func (c *chaos) lay(n *Node) error {
	image := n.Disk
	n.Disk = nil
	synced := n.Data + "-synced"
	if err := image.Write(synced); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(n.Data), os.Rename(synced, n.Data))
}

// isWorker says whether a process runs code, for a node.
func (c *chaos) isWorker(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(line, []byte("python")) && !bytes.Contains(line, []byte("watchdog"))
}

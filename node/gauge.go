package node

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// measurePause is how often a node looks at its memory, disk and load. What it
// finds is told only when it has changed much: an idle network is idle.
const measurePause = time.Minute

// gauge fills in what the machine has, and how much of it is used.
func (n *Node) gauge(info *messages.NodeInfo) {
	free, total := n.boundary.disk()
	info.Disksize, info.Diskusage = int64(total), int64(total-free)
	info.Memsize, info.Freemem = memory()
	if info.Memsize > 0 {
		info.Memused = float64(100 * (info.Memsize - info.Freemem) / info.Memsize)
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(b), " ")
		info.Cpuload, _ = strconv.ParseFloat(first, 64)
	}
}

// memory gives the machine's bytes in all and those that are free; 0 where the
// system does not tell.
func memory() (total, free int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			free = kib << 10
		}
	}
	return total, free
}

// measure tells the others, now and then, how the machine and its clock are.
func (n *Node) measure(ctx context.Context) {
	tick, look := time.NewTicker(measurePause), time.NewTicker(clockPause)
	defer tick.Stop()
	defer look.Stop()
	told, clock, disk := n.info, new(clock), &diskRoom{reserve: n.boundary.reserve()}
	for {
		now := proto.CloneOf(told)
		select {
		case <-tick.C:
			n.gauge(now)
		case <-look.C:
			now.DiskShort = n.heedDisk(disk)
			now.Trouble = trouble(n.heedClock(clock), now.DiskShort)
		case <-ctx.Done():
			return
		}
		if now.Trouble == told.Trouble && now.DiskShort == told.DiskShort && !movedMuch(told, now) {
			continue
		}
		if err := n.gossip.UpdateMeta(now, n.network()); err != nil {
			n.log.Warn("tell the others how this machine is", "error", err)
			continue
		}
		told = now
	}
}

// movedMuch says whether the disk, the memory or the load has moved by a tenth
// of what there is.
func movedMuch(a, b *messages.NodeInfo) bool {
	moved := func(x, y, whole float64) bool { return whole > 0 && (x-y > whole/10 || y-x > whole/10) }
	return moved(float64(a.Diskusage), float64(b.Diskusage), float64(b.Disksize)) ||
		moved(a.Memused, b.Memused, 100) || moved(a.Cpuload, b.Cpuload, float64(b.Cpus))
}

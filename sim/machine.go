package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"
)

// machine is one computer of the world: a disk, an address, and while it runs,
// an instance of the guest, which is a coroutine of the world's: it gives back
// control where it waits, so of them all only one is ever awake.
type machine struct {
	world *World
	index int
	name  string
	env   [][2]string
	rng   *rand.Rand // the guest's chance, and what a crash leaves on the disk
	disk  *disk

	// Of the hardware.
	stepCost   int64   // how long each call of the host takes, in ns
	skew       int64   // how far the clock is ahead, in ns
	drift      float64 // how much it gains
	driftSince int64
	older      bool   // it runs the release before
	leaving    bool   // it is to be deleted, or was: nobody starts it again,
	removed    bool   // but once, after it was
	vice       uint64 // how workers go wrong, packed
	damaged    bool   // the disk holds something that nobody wrote there

	// Of the instance that runs.
	running  bool
	boots    int
	resume   func() (struct{}, bool) // lets the guest go on until it sleeps or ends
	end      func()                  // ends a sleeping guest
	yield    func(struct{}) bool     // of the guest: sleeps; false: it must end
	clock    int64                   // the last time that the guest was told
	dieIn    int                     // host calls until it dies; 0: it does not
	downFor  int64                   // how long it stays down after that
	stallIn  int                     // host calls until it stands still; 0: it does not
	stallFor int64                   // for so long
	stopping bool                    // it was told to stop
	hurt     bool                    // its disk has failed it: it may end
	asleep   bool                    // in poll_oneoff
	listens  bool                    // asleep until something arrives, too
	sleep    uint64                  // number of the sleep, so that late alarms are known
	mail     [][]byte
	ports    map[uint32]bool
	ends     map[uint32]*end // streams, by the guest's numbers
	numbers  uint32

	memory uint64 // the most that any of its instances has used, bytes
}

// killed is the exit status of an instance that the world ended.
const killed = 137

func (m *machine) ip() uint32 { return 10<<24 | uint32(m.index+1) }

func (m *machine) address() net.IP { return binary.BigEndian.AppendUint32(nil, m.ip()) }

// boot starts an instance on what the disk holds.
func (m *machine) boot() {
	m.boots++
	m.running = true
	m.clock, m.dieIn, m.stallIn, m.asleep, m.listens, m.stopping = m.world.now, 0, 0, false, false, false
	m.hurt = m.disk.dead || m.disk.badSyncs > 0
	m.mail, m.ports, m.ends = nil, map[uint32]bool{}, map[uint32]*end{}
	m.seen(nil, "boot %d", m.boots)
	m.world.record(m.name, m.boots, "booted")
	if m.hurt {
		m.world.record(m.name, m.boots, "disk fails")
	}
	if m.older {
		m.world.record(m.name, m.boots, noteOlder)
	}
	config := m.config()
	ctx := context.WithValue(context.Background(), machineKey{}, m)
	ctx = experimental.WithMemoryAllocator(ctx, allocator{m})
	m.resume, m.end = iter.Pull(func(yield func(struct{}) bool) {
		m.yield = yield
		m.execute(ctx, config)
	})
	m.resume()
}

func (m *machine) execute(ctx context.Context, config wazero.ModuleConfig) {
	module, err := m.world.guest.runtime.InstantiateModule(ctx, m.world.guest.program(m.older), config)
	if module != nil {
		defer module.Close(ctx)
	}
	m.running = false
	var exit *sys.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == killed {
		return
	}
	m.world.ended(m, err)
}

// garbage is how much a guest's heap grows, in percent, until it is collected:
// memory is cheaper here than time. It is part of a run: with another value the
// clock is read at other times.
const garbage = "400"

func (m *machine) config() wazero.ModuleConfig {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(m.rng.Uint32())
	}
	files := wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(m.disk, "/")
	var log io.Writer = io.Discard
	if m.world.options.Log != nil {
		log = &prefixed{to: m.world.options.Log, prefix: m.name}
	}
	c := wazero.NewModuleConfig().WithName("").WithArgs(m.name).WithFSConfig(files).
		WithStdout(log).WithStderr(log).WithRandSource(rand.NewChaCha8(seed)).
		WithWalltime(func() (int64, int32) { t := m.wall(); return t / 1e9, int32(t % 1e9) }, 1).
		WithNanotime(m.tick, 1).WithOsyield(func() {})
	c = c.WithEnv("SIM_IP", m.address().String()).WithEnv("SIM_NAME", m.name).WithEnv("TZ", "UTC").WithEnv("GOGC", garbage)
	for _, e := range append(slices.Clone(m.env), m.release()) {
		c = c.WithEnv(e[0], e[1])
	}
	return c
}

// readCost is how long it takes to read the clock. Only by that does time go on
// while a guest runs: computing costs none.
const readCost = 50

func (m *machine) tick() int64 {
	m.clock = max(m.clock+readCost, m.world.now)
	return m.clock
}

// wake lets a sleeping guest go on.
func (m *machine) wake() {
	if m.running && m.asleep {
		m.asleep = false
		m.sleep++
		m.resume()
	}
}

// pause is called by the guest, and gives the world its turn until something
// has arrived, or until the time is over; timeout < 0: there is no such time.
func (m *machine) pause(timeout int64, listens bool) {
	m.catchUp()
	if listens && len(m.mail) > 0 {
		return
	}
	m.asleep, m.listens = true, listens
	if timeout >= 0 {
		number := m.sleep
		m.world.at(max(m.clock, m.world.now)+timeout, func() {
			if m.sleep == number {
				m.wake()
			}
		})
	}
	if !m.yield(struct{}{}) {
		panic(sys.NewExitError(killed))
	}
}

// call counts the guest's calls of the host: it may stand still or end at any.
func (m *machine) call() {
	m.clock += m.stepCost
	m.stall()
	if m.dieIn == 0 {
		return
	}
	if m.dieIn--; m.dieIn == 0 {
		m.gone()
		panic(sys.NewExitError(killed))
	}
}

// kill ends a sleeping instance.
func (m *machine) kill() {
	if m.running {
		m.gone()
		m.end()
	}
}

// gone is what the world sees of a death: streams break, and what was not
// synced may be lost.
func (m *machine) gone() {
	m.seen(nil, "killed")
	if !m.world.over {
		m.world.record(m.name, m.boots, "killed")
	}
	m.running, m.asleep = false, false
	m.sleep++
	m.world.killedAt(m)
	m.disk.crash(m.rng)
}

// deliver hands a guest what has arrived.
func (m *machine) deliver(kind byte, a, b, c uint32, payload []byte) {
	message := make([]byte, 13, 13+len(payload))
	message[0] = kind
	binary.LittleEndian.PutUint32(message[1:], a)
	binary.LittleEndian.PutUint32(message[5:], b)
	binary.BigEndian.PutUint32(message[9:], c)
	m.seen(payload, "arrives %d %d %d %x", kind, a, b, c)
	m.mail = append(m.mail, append(message, payload...))
	if m.listens {
		m.wake()
	}
}

func (m *machine) seen(payload []byte, format string, args ...any) {
	m.world.trace.add(m.world.now, payload, m.name+" ", format, args...)
}

// prefixed writes a guest's log with its name before each line.
type prefixed struct {
	to     io.Writer
	prefix string
}

func (p *prefixed) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(p.to, "%s: %s", p.prefix, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

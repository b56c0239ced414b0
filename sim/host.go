package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

type machineKey struct{}

const i32, i64 = api.ValueTypeI32, api.ValueTypeI64

// caller is the machine whose guest calls the host.
func caller(ctx context.Context) *machine {
	m := ctx.Value(machineKey{}).(*machine)
	m.call()
	return m
}

// provide gives guests what they may call: WASI, with a poll_oneoff of ours,
// and the functions of package twin.
func provide(ctx context.Context, r wazero.Runtime) error {
	wasi := r.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(wasi)
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(poll), []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}).Export("poll_oneoff")
	if _, err := wasi.Instantiate(ctx); err != nil {
		return err
	}
	b := r.NewHostModuleBuilder("sim")
	for _, f := range slices.Concat(functions, diskFunctions, workerFunctions) {
		takes := slices.Repeat([]api.ValueType{i32}, f.takes)
		b.NewFunctionBuilder().WithGoModuleFunction(f.bind(), takes, f.gives).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// WASI's layout of subscriptions and events.
const (
	subscriptionSize = 48
	eventSize        = 32
	eventClock       = 0
	eventRead        = 1
	clockIsAbsolute  = 1
)

// poll is poll_oneoff: the one place where a guest waits. A file that it wants
// to read from is the one of arrivals: there is no other that makes it wait.
func poll(ctx context.Context, module api.Module, stack []uint64) {
	m := caller(ctx)
	in, out, count, result := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	memory := module.Memory()
	timeout, listens := int64(-1), false
	for i := range count {
		s, _ := memory.Read(in+i*subscriptionSize, subscriptionSize)
		switch s[8] {
		case eventClock:
			t := int64(binary.LittleEndian.Uint64(s[24:]))
			if s[40]&clockIsAbsolute != 0 {
				t = max(0, t-m.clock)
			}
			timeout = t
		case eventRead:
			listens = true
		}
	}
	m.pause(timeout, listens)
	happened := uint32(0)
	for i := range count {
		s, _ := memory.Read(in+i*subscriptionSize, subscriptionSize)
		if kind := s[8]; kind == eventClock || kind == eventRead && len(m.mail) > 0 {
			e := make([]byte, eventSize)
			copy(e, s[:8]) // the subscriber's own mark
			e[10] = kind
			memory.Write(out+happened*eventSize, e)
			happened++
		}
	}
	memory.WriteUint32Le(result, happened)
	stack[0] = 0
}

// bytesOf copies what a guest shows: the memory is its own again afterwards.
func bytesOf(module api.Module, p, n uint32) []byte {
	b, _ := module.Memory().Read(p, n)
	return append([]byte(nil), b...)
}

// function is one that guests may call, by its name in package twin. It gets
// its arguments in the stack, and leaves its answer there. Wazero could call
// functions of other forms, too, but by reflection, which takes longer than
// what most of these do.
type function struct {
	name  string
	takes int // numbers of 32 bits
	gives []api.ValueType
	do    func(m *machine, memory api.Memory, stack []uint64)
}

func (f function) bind() api.GoModuleFunc {
	return func(ctx context.Context, module api.Module, stack []uint64) {
		f.do(caller(ctx), module.Memory(), stack)
	}
}

var functions = []function{
	{"listen", 2, nil, hostListen},
	{"dial", 2, []api.ValueType{i32}, hostDial},
	{"write", 3, []api.ValueType{i32}, hostWrite},
	{"close", 1, nil, hostClose},
	{"packet", 5, nil, hostPacket},
	{"next", 2, []api.ValueType{i32}, hostNext},
	{"note", 2, nil, hostNote},
	{"hash", 2, []api.ValueType{i64}, hostHash},
	{"entry", 4, nil, hostEntry},
}

// shown copies what a guest shows: the memory is its own again afterwards.
func shown(memory api.Memory, p, n uint64) []byte {
	b, _ := memory.Read(uint32(p), uint32(n))
	return append([]byte(nil), b...)
}

func hostListen(m *machine, _ api.Memory, stack []uint64) {
	port, open := uint32(stack[0]), uint32(stack[1])
	m.seen(nil, "listen %d %d", port, open)
	m.ports[port] = open != 0
}

func hostDial(m *machine, _ api.Memory, stack []uint64) {
	stack[0] = uint64(m.world.net.dial(m, uint32(stack[0]), uint32(stack[1])))
}

func hostWrite(m *machine, memory api.Memory, stack []uint64) {
	broken := !m.world.net.write(m, uint32(stack[0]), shown(memory, stack[1], stack[2]))
	stack[0] = 0
	if broken {
		stack[0] = 1
	}
}

func hostClose(m *machine, _ api.Memory, stack []uint64) { m.world.net.close(m, uint32(stack[0])) }

func hostPacket(m *machine, memory api.Memory, stack []uint64) {
	m.world.net.packet(m, uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), shown(memory, stack[3], stack[4]))
}

func hostNext(m *machine, memory api.Memory, stack []uint64) {
	if len(m.mail) == 0 {
		stack[0] = uint64(uint32(math.MaxUint32)) // -1
		return
	}
	first := m.mail[0]
	m.mail = m.mail[1:]
	if uint64(len(first)) > stack[1] {
		panic("an arrival is larger than the guest's buffer")
	}
	memory.Write(uint32(stack[0]), first)
	stack[0] = uint64(len(first))
}

func hostNote(m *machine, memory api.Memory, stack []uint64) {
	m.world.note(m, string(shown(memory, stack[0], stack[1])))
}

func hostHash(_ *machine, memory api.Memory, stack []uint64) {
	b, _ := memory.Read(uint32(stack[0]), uint32(stack[1]))
	sum := sha256.Sum256(b)
	stack[0] = binary.LittleEndian.Uint64(sum[:])
}

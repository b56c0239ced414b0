package sim

import (
	"context"
	"encoding/binary"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

type machineKey struct{}

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
	i32 := api.ValueTypeI32
	wasi.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(poll), []api.ValueType{i32, i32, i32, i32}, []api.ValueType{i32}).Export("poll_oneoff")
	if _, err := wasi.Instantiate(ctx); err != nil {
		return err
	}
	b := r.NewHostModuleBuilder("sim")
	for name, f := range map[string]any{
		"listen": hostListen, "dial": hostDial, "write": hostWrite, "close": hostClose,
		"packet": hostPacket, "next": hostNext, "note": hostNote,
	} {
		b.NewFunctionBuilder().WithFunc(f).Export(name)
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

func hostListen(ctx context.Context, port, open uint32) {
	m := caller(ctx)
	m.seen(nil, "listen %d %d", port, open)
	m.ports[port] = open != 0
}

func hostDial(ctx context.Context, ip, port uint32) uint32 {
	m := caller(ctx)
	return m.world.net.dial(m, ip, port)
}

func hostWrite(ctx context.Context, module api.Module, stream, p, n uint32) uint32 {
	m := caller(ctx)
	if m.world.net.write(m, stream, bytesOf(module, p, n)) {
		return 0
	}
	return 1
}

func hostClose(ctx context.Context, stream uint32) {
	m := caller(ctx)
	m.world.net.close(m, stream)
}

func hostPacket(ctx context.Context, module api.Module, ip, port, from, p, n uint32) {
	m := caller(ctx)
	m.world.net.packet(m, ip, port, from, bytesOf(module, p, n))
}

func hostNext(ctx context.Context, module api.Module, p, capacity uint32) int32 {
	m := caller(ctx)
	if len(m.mail) == 0 {
		return -1
	}
	first := m.mail[0]
	m.mail = m.mail[1:]
	if uint32(len(first)) > capacity {
		panic("an arrival is larger than the guest's buffer")
	}
	module.Memory().Write(p, first)
	return int32(len(first))
}

func hostNote(ctx context.Context, module api.Module, p, n uint32) {
	m := caller(ctx)
	m.world.note(m, string(bytesOf(module, p, n)))
}

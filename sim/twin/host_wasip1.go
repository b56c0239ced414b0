package twin

import "unsafe"

// What the host offers. Streams and ports are numbers of the node's own;
// addresses are IPv4 in network order.

//go:wasmimport sim listen
func hostListen(port uint32, open uint32)

//go:wasmimport sim dial
func hostDial(ip, port uint32) uint32

//go:wasmimport sim write
func hostWrite(stream uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport sim close
func hostClose(stream uint32)

//go:wasmimport sim packet
func hostPacket(ip, port, from uint32, p unsafe.Pointer, n uint32)

//go:wasmimport sim next
func hostNext(p unsafe.Pointer, capacity uint32) int32

//go:wasmimport sim note
func hostNote(p unsafe.Pointer, n uint32)

//go:wasmimport sim hash
func hostHash(p unsafe.Pointer, n uint32) uint64

//go:wasmimport sim lag
func hostLag() uint64

//go:wasmimport sim room
func hostRoom() uint64

//go:wasmimport sim entry
func hostEntry(group, index uint32, p unsafe.Pointer, n uint32)

//go:wasmimport sim vice
func hostVice() uint64

// OwnVice is how this machine's workers go wrong now.
func OwnVice() uint64 { return hostVice() }

func hash(b []byte) uint64 { return hostHash(pointer(b), uint32(len(b))) }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// Note tells the host what happened, for its history and its trace.
func Note(line string) {
	b := []byte(line)
	hostNote(pointer(b), uint32(len(b)))
}

package raftstore_test

import (
	"testing"

	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/conform"
)

// memoryDisk crashes its store so that some of the batches stay.
type memoryDisk struct{ m *raftstore.Memory }

func (d *memoryDisk) Open(*testing.T) raftstore.KV {
	if d.m == nil {
		d.m = raftstore.NewMemory()
	} else {
		d.m = d.m.Crash(0) // what Close left
	}
	return d.m
}

func (d *memoryDisk) Crash(*testing.T) { d.m = d.m.Crash(d.m.Unflushed() / 2) }

func TestMemory(t *testing.T) {
	conform.KV(t, func(*testing.T) conform.Disk { return &memoryDisk{} })
}

package raftstore_test

import (
	"errors"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

var errDisk = errors.New("injected I/O error")

// faultyLogs fails operations on demand, and counts those that come after.
type faultyLogs struct {
	raftstore.Logs
	append, read, set atomic.Bool // fail from now on
	after             atomic.Int64
}

type faultyLog struct {
	raftstore.LogStore
	of *faultyLogs
}

type faultyStable struct {
	raftstore.StableStore
	of *faultyLogs
}

func (f *faultyLogs) Open(g messages.GroupID, dir string, create bool) (raftstore.LogStore, raftstore.StableStore, error) {
	log, stable, err := f.Logs.Open(g, dir, create)
	if err != nil {
		return nil, nil, err
	}
	return faultyLog{log, f}, faultyStable{stable, f}, nil
}

func (f *faultyLogs) fails(when *atomic.Bool) error {
	if when.Load() {
		f.after.Add(1)
		return errDisk
	}
	return nil
}

func (l faultyLog) StoreLogs(logs []*raft.Log) error {
	if err := l.of.fails(&l.of.append); err != nil {
		return err
	}
	return l.LogStore.StoreLogs(logs)
}

func (l faultyLog) GetLog(i uint64, to *raft.Log) error {
	if err := l.of.fails(&l.of.read); err != nil {
		return err
	}
	return l.LogStore.GetLog(i, to)
}

func (s faultyStable) Set(k, v []byte) error {
	if err := s.of.fails(&s.of.set); err != nil {
		return err
	}
	return s.StableStore.Set(k, v)
}

func (s faultyStable) SetUint64(k []byte, v uint64) error {
	if err := s.of.fails(&s.of.set); err != nil {
		return err
	}
	return s.StableStore.SetUint64(k, v)
}

// faultyKV fails commits once so many have passed.
type faultyKV struct {
	raftstore.KV
	left atomic.Int64
}

func (k *faultyKV) Commit(b raftstore.Batch) error {
	if k.left.Add(-1) < 0 {
		return errDisk
	}
	return k.KV.Commit(b)
}

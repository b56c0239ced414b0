package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/elasticcode/flow/messages"
)

const (
	// chunksUnderWay is how many chunks of one value are proposed at once: their
	// entries fill while others are on their way to the disks.
	chunksUnderWay = 4
	// chunksAsked is how many chunks one query asks for.
	chunksAsked = 8
)

// Stow puts references in the places of large values, so that no more than most
// bytes stay, and brings their texts to a group before: what names them comes
// behind. client says that the disk's reserve is not for them.
func (r *Router) Stow(ctx context.Context, group messages.GroupID, most int, client bool, values []*[]byte) error {
	for _, place := range messages.Apart(values, most) {
		text := *place
		ref := messages.ReferenceTo(text)
		chunk := func(i uint32) ([]byte, error) {
			from, to := ref.Chunk(i)
			return text[from:to], nil
		}
		if err := putValue(ctx, r, group, ref, client, chunk); err != nil {
			return err
		}
		*place = ref.Value()
	}
	return nil
}

// putValue brings the chunks of a value to a group. One that is known there costs
// one of them.
func putValue(ctx context.Context, to Proposer, group messages.GroupID, ref messages.Reference, client bool, chunk func(uint32) ([]byte, error)) error {
	put := func(ctx context.Context, i uint32) (whole bool, err error) {
		data, err := chunk(i)
		if err != nil {
			return false, err
		}
		reply, _, err := to.Propose(ctx, group, &messages.PutChunk{Hash: ref.Hash[:], Size: ref.Size, Index: i, Data: data, Client: client})
		if err == nil {
			err = reply.GetError().Err()
		}
		return reply.GetChunkPut().GetWhole(), err
	}
	whole, err := put(ctx, 0)
	if whole || err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	free := make(chan struct{}, chunksUnderWay)
	for i := uint32(1); i < ref.Chunks() && ctx.Err() == nil; i++ {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			if _, err := put(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// Fetch reads a large value from a replica that has it.
func (r *Router) Fetch(ctx context.Context, group messages.GroupID, ref messages.Reference) ([]byte, error) {
	text, err := r.fetch(ctx, group, ref, 0)
	if err != nil || text != nil {
		return text, err
	}
	// The replica that was asked may lag behind the one that named the value.
	index, err := r.ReadIndex(ctx, group)
	if err != nil {
		return nil, err
	}
	if text, err = r.fetch(ctx, group, ref, index); err == nil && text == nil {
		err = messages.Errorf(messages.NotFound, "fetch large value", fmt.Sprintf("%x", ref.Hash), "its %d bytes are not at group %d any more", ref.Size, group)
	}
	return text, err
}

// fetch gives nothing if the replicas, as of an index, do not have the value.
func (r *Router) fetch(ctx context.Context, group messages.GroupID, ref messages.Reference, index uint64) ([]byte, error) {
	text := make([]byte, 0, ref.Size)
	for i := uint32(0); i < ref.Chunks(); {
		response, err := r.Query(ctx, &messages.QueryRequest{Group: uint32(group), Index: index,
			Query: &messages.QueryRequest_Chunks{Chunks: &messages.ChunksQuery{Hash: ref.Hash[:], First: i, Count: chunksAsked}}})
		if err != nil {
			return nil, err
		}
		data := response.GetChunks().GetData()
		if len(data) == 0 {
			return nil, nil
		}
		for _, d := range data {
			text = append(text, d...)
		}
		i += uint32(len(data))
	}
	if messages.ReferenceTo(text) != ref {
		return nil, fmt.Errorf("fetch large value %x: what group %d keeps is not what its name says", ref.Hash, group)
	}
	return text, nil
}

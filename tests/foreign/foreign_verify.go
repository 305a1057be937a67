// Verifies a copy of the log, and receipts, with golang.org/x/mod/sumdb alone: the code of Go's own checksum database, which nobody
// of this project wrote. Only the layout of files and lines is read here; every hash, proof and signature is judged by x/mod.
//
//	foreign_verify log DIR                  a copy, as `accordctl ledger export` writes it
//	foreign_verify receipts VKEY RECEIPT…   exit status 0 all verifies, 1 something does not, 2 wrong use
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "DOES NOT VERIFY: "+format+"\n", arguments...)
	os.Exit(1)
}

func read(path string) []byte {
	bytes, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return bytes
}

// The tree that a checkpoint signs: origin, size, root (c2sp.org/tlog-checkpoint).
func openCheckpoint(bytes []byte, log note.Verifier) tlog.Tree {
	opened, err := note.Open(bytes, note.VerifierList(log))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Name() {
		fail("checkpoint: not origin, size and root of %s", log.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("checkpoint: size: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		fail("checkpoint: root: %v", err)
	}
	return tlog.Tree{N: size, Hash: root}
}

// Tiles of the copy; x/mod checks them against the tree as it reads.
type tileFiles struct{ directory string }

func (files tileFiles) Height() int { return tileHeight }
func (files tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// x/mod's paths name the height, those of c2sp.org/tlog-tiles do not.
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(files.directory, path))
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}
func (files tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}

// Entries of the copy, in order.
func readEntries(directory string, size int64, visit func(entry []byte)) {
	for first := int64(0); first < size; first += 1 << tileHeight {
		width := size - first
		if width > 1<<tileHeight {
			width = 1 << tileHeight
		}
		tile := tlog.Tile{H: tileHeight, L: 0, N: first >> tileHeight, W: int(width)}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", tileHeight), "tile/entries/", 1)
		rest := read(filepath.Join(directory, path))
		for i := int64(0); i < width; i++ {
			if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
				fail("%s ends in entry %d", path, first+i)
			}
			end := 2 + int(binary.BigEndian.Uint16(rest))
			visit(rest[2:end])
			rest = rest[end:]
		}
		if len(rest) > 0 {
			fail("%s has bytes after its last entry", path)
		}
	}
}

func verifyCopy(directory string, log note.Verifier) tlog.Tree {
	tree := openCheckpoint(read(filepath.Join(directory, "checkpoint")), log)
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	n := int64(0)
	var records []tlog.Hash
	readEntries(directory, tree.N, func(entry []byte) {
		added, err := tlog.StoredHashes(n, entry, hashes)
		if err != nil {
			fail("entry %d: %v", n, err)
		}
		stored = append(stored, added...)
		records = append(records, tlog.RecordHash(entry))
		n++
	})
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil || root != tree.Hash {
		fail("the entries give the root %v, the checkpoint signs %v (%v)", root, tree.Hash, err)
	}
	// The tiles, by the proofs that they give.
	tiles := tlog.TileHashReader(tree, tileFiles{directory})
	for index := int64(0); index < tree.N; index++ {
		// Every entry of the first and last tile, then one in each tile.
		if index > 256 && index < tree.N-256 && index%251 != 0 {
			continue
		}
		proof, err := tlog.ProveRecord(tree.N, index, tiles)
		if err != nil {
			fail("tiles, entry %d: %v", index, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, records[index]); err != nil {
			fail("entry %d: %v", index, err)
		}
	}
	for size := int64(1); size <= tree.N; size = size*2 + 1 {
		older, err := tlog.TreeHash(size, hashes)
		if err != nil {
			fail("size %d: %v", size, err)
		}
		proof, err := tlog.ProveTree(tree.N, size, tiles)
		if err != nil {
			fail("tiles, size %d: %v", size, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, older); err != nil {
			fail("size %d to %d: %v", size, tree.N, err)
		}
	}
	return tree
}

// c2sp.org/tlog-proof: the leaf is in the line `extra`.
func verifyReceipt(path string, log note.Verifier) {
	head, checkpoint, found := strings.Cut(string(read(path)), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("%s: not a tlog-proof", path)
	}
	leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		fail("%s: extra: %v", path, err)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		fail("%s: index: %v", path, err)
	}
	proof := tlog.RecordProof{}
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			fail("%s: %v", path, err)
		}
		proof = append(proof, hash)
	}
	tree := openCheckpoint([]byte(checkpoint), log)
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		fail("%s: %v", path, err)
	}
	fmt.Printf("%s: entry %d of %d verifies\n", path, index, tree.N)
}

func main() {
	if len(os.Args) < 3 || (os.Args[1] != "log" && os.Args[1] != "receipts") {
		fmt.Fprintln(os.Stderr, "usage: foreign_verify log DIR | foreign_verify receipts VKEY RECEIPT...")
		os.Exit(2)
	}
	keyPath := os.Args[2]
	if os.Args[1] == "log" {
		keyPath = filepath.Join(os.Args[2], "vkey")
	}
	log, err := note.NewVerifier(strings.TrimSpace(string(read(keyPath))))
	if err != nil {
		fail("vkey: %v", err)
	}
	if os.Args[1] == "log" {
		tree := verifyCopy(os.Args[2], log)
		fmt.Printf("%s: %d entries verify\n", os.Args[2], tree.N)
	}
	for _, receipt := range os.Args[3:] {
		verifyReceipt(receipt, log)
	}
}

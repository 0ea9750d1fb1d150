"""Mesh and image operations on shapes with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.capture.cleaning import (
    drop_depth_edges,
    edge_table,
    inside_box,
    merge_slivers,
    pieces_by_area,
    rim_edges,
    taubin,
)
from openmtz.geometry import TriangleMesh


def grid(n: int = 12, step: float = 0.001) -> TriangleMesh:
    x, y = np.meshgrid(np.arange(n) * step, np.arange(n) * step)
    index = np.arange(n * n).reshape(n, n)
    a, b, c, d = (index[s].ravel() for s in (np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, 1:], np.s_[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    return TriangleMesh(np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], 1), faces)


def test_edges_of_a_grid() -> None:
    mesh = grid(5)
    edges, of_face, uses = edge_table(mesh.faces)
    assert len(edges) == 2 * 5 * 4 + 16 and (edges[:, 0] < edges[:, 1]).all()
    assert set(uses.tolist()) == {1, 2} and len(rim_edges(mesh.faces)) == 16
    for face, row in zip(mesh.faces, of_face, strict=True):
        for k in range(3):
            assert set(edges[row[k]]) == {face[k], face[(k + 1) % 3]}


def test_steps_are_dropped_on_both_sides_and_holes_are_no_steps() -> None:
    depth = np.full((4, 6), 0.3, np.float32)
    depth[:, 3:] = 0.4
    depth[0, 0] = 0.0
    kept = drop_depth_edges(depth, 0.01) > 0
    assert not kept[:, 2:4].any() and kept[1:, :2].all() and kept[:, 4:].all() and kept[0, 1]


def test_inside_box_is_in_world() -> None:
    rays = np.dstack([np.zeros((2, 2, 2)), np.ones((2, 2))])
    pose = np.eye(4)
    pose[:3, 3] = [0.5, 0.0, 0.0]
    depth = np.array([[0.3, 0.0], [0.35, 0.6]], np.float32)
    assert inside_box(depth, rays, pose, (0.5, 0.0, 0.32), 0.05).tolist() == [[True, False], [True, False]]


def test_smoothing_lowers_noise_keeps_size_and_leaves_a_plane_alone() -> None:
    mesh = grid(40)
    assert np.allclose(taubin(mesh, 10).vertices[:, 2], 0.0)
    noise = np.random.default_rng(0).normal(0.0, 1e-4, len(mesh.vertices))
    rough = TriangleMesh(mesh.vertices + noise[:, None] * [0, 0, 1], mesh.faces)
    smooth = taubin(rough, 10)
    assert smooth.vertices[:, 2].std() < 0.4 * noise.std()
    assert smooth.face_areas().sum() == pytest.approx(mesh.face_areas().sum(), rel=0.01)


def test_slivers_merge_and_the_largest_piece_comes_first() -> None:
    mesh = grid(6)
    squeezed = mesh.vertices.copy()
    squeezed[7] = squeezed[8] + [1e-6, 0, 0]
    merged = merge_slivers(TriangleMesh(squeezed, mesh.faces), 5e-5)
    assert len(merged.vertices) == 35 and merged.face_areas().min() > 1e-9
    small = grid(3)
    both = TriangleMesh(
        np.concatenate([small.vertices + 1.0, mesh.vertices]),
        np.concatenate([small.faces, mesh.faces + len(small.vertices)]),
    )
    assert [len(piece.vertices) for piece in pieces_by_area(both, 5)] == [36, 9]

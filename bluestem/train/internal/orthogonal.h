// The nearest semi-orthogonal matrix, as muon's steps need it. Threads: LibTorch's. Ownership: the
// caller's buffer.
#pragma once

#include <cstdint>

namespace bluestem::train {

// Replaces x [rows, columns] by a matrix with the same singular vectors and singular values near 1
// (0.7 to 1.2): from X = x / |x| (Frobenius), five steps of the quintic Newton-Schulz iteration
// X <- aX + (bA + cAA)X, A = XX^T, with (a, b, c) = (3.4445, -4.7750, 2.0315). A tall matrix is
// turned for it, which changes nothing but the size of A. Source: Jordan et al., "Muon", 2024,
// https://kellerjordan.github.io/posts/muon/. A matrix of zeros stays one.
void Orthogonalize(int64_t rows, int64_t columns, float* x);

}  // namespace bluestem::train

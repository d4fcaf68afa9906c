import COpenBLAS

/// Element types that LAPACK knows, with the routines used here. Matrices are column-major.
protocol LAPACKElement: TensorElement, BinaryFloatingPoint {
  typealias Pointer = UnsafeMutablePointer<Self>
  typealias Pivots = UnsafeMutablePointer<Int32>

  static func gesv(_ n: Int, _ columns: Int, _ a: Pointer, _ pivots: Pivots, _ b: Pointer) -> Int
  static func getrf(_ n: Int, _ a: Pointer, _ pivots: Pivots) -> Int
  static func potrf(_ n: Int, _ a: Pointer) -> Int
  static func trtrs(_ upper: Bool, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer) -> Int
  static func geqrf(_ m: Int, _ n: Int, _ a: Pointer, _ tau: Pointer) -> Int
  static func orgqr(_ m: Int, _ n: Int, _ k: Int, _ a: Pointer, _ tau: Pointer) -> Int
  /// `job` is "A" (all vectors), "S" (the first min(m, n)) or "N" (none).
  static func gesdd(
    _ job: Unicode.Scalar, _ m: Int, _ n: Int, _ a: Pointer, _ s: Pointer, _ u: Pointer, _ uRows: Int,
    _ vt: Pointer, _ vtRows: Int
  ) -> Int
  static func syevd(_ n: Int, _ a: Pointer, _ values: Pointer) -> Int
  static func gelsd(
    _ m: Int, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer, _ s: Pointer, _ tolerance: Self,
    _ rank: Pivots
  ) -> Int
}

private func lapack(_ value: Int) -> Int32 { Int32(value) }
/// LAPACK wants a leading dimension of at least 1.
private func lead(_ value: Int) -> Int32 { Int32(Swift.max(1, value)) }
private func letter(_ scalar: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: scalar.value) }

extension Float: LAPACKElement {
  static func gesv(_ n: Int, _ columns: Int, _ a: Pointer, _ pivots: Pivots, _ b: Pointer) -> Int {
    Int(LAPACKE_sgesv(LAPACK_COL_MAJOR, lapack(n), lapack(columns), a, lead(n), pivots, b, lead(n)))
  }
  static func getrf(_ n: Int, _ a: Pointer, _ pivots: Pivots) -> Int {
    Int(LAPACKE_sgetrf(LAPACK_COL_MAJOR, lapack(n), lapack(n), a, lead(n), pivots))
  }
  static func potrf(_ n: Int, _ a: Pointer) -> Int {
    Int(LAPACKE_spotrf(LAPACK_COL_MAJOR, letter("L"), lapack(n), a, lead(n)))
  }
  static func trtrs(_ upper: Bool, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer) -> Int {
    Int(
      LAPACKE_strtrs(
        LAPACK_COL_MAJOR, letter(upper ? "U" : "L"), letter("N"), letter("N"), lapack(n), lapack(columns), a,
        lead(n), b, lead(n)))
  }
  static func geqrf(_ m: Int, _ n: Int, _ a: Pointer, _ tau: Pointer) -> Int {
    Int(LAPACKE_sgeqrf(LAPACK_COL_MAJOR, lapack(m), lapack(n), a, lead(m), tau))
  }
  static func orgqr(_ m: Int, _ n: Int, _ k: Int, _ a: Pointer, _ tau: Pointer) -> Int {
    Int(LAPACKE_sorgqr(LAPACK_COL_MAJOR, lapack(m), lapack(n), lapack(k), a, lead(m), tau))
  }
  static func gesdd(
    _ job: Unicode.Scalar, _ m: Int, _ n: Int, _ a: Pointer, _ s: Pointer, _ u: Pointer, _ uRows: Int,
    _ vt: Pointer, _ vtRows: Int
  ) -> Int {
    Int(
      LAPACKE_sgesdd(
        LAPACK_COL_MAJOR, letter(job), lapack(m), lapack(n), a, lead(m), s, u, lead(uRows), vt, lead(vtRows)))
  }
  static func syevd(_ n: Int, _ a: Pointer, _ values: Pointer) -> Int {
    Int(LAPACKE_ssyevd(LAPACK_COL_MAJOR, letter("V"), letter("L"), lapack(n), a, lead(n), values))
  }
  static func gelsd(
    _ m: Int, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer, _ s: Pointer, _ tolerance: Float,
    _ rank: Pivots
  ) -> Int {
    Int(
      LAPACKE_sgelsd(
        LAPACK_COL_MAJOR, lapack(m), lapack(n), lapack(columns), a, lead(m), b, lead(Swift.max(m, n)), s,
        tolerance, rank))
  }
}

extension Double: LAPACKElement {
  static func gesv(_ n: Int, _ columns: Int, _ a: Pointer, _ pivots: Pivots, _ b: Pointer) -> Int {
    Int(LAPACKE_dgesv(LAPACK_COL_MAJOR, lapack(n), lapack(columns), a, lead(n), pivots, b, lead(n)))
  }
  static func getrf(_ n: Int, _ a: Pointer, _ pivots: Pivots) -> Int {
    Int(LAPACKE_dgetrf(LAPACK_COL_MAJOR, lapack(n), lapack(n), a, lead(n), pivots))
  }
  static func potrf(_ n: Int, _ a: Pointer) -> Int {
    Int(LAPACKE_dpotrf(LAPACK_COL_MAJOR, letter("L"), lapack(n), a, lead(n)))
  }
  static func trtrs(_ upper: Bool, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer) -> Int {
    Int(
      LAPACKE_dtrtrs(
        LAPACK_COL_MAJOR, letter(upper ? "U" : "L"), letter("N"), letter("N"), lapack(n), lapack(columns), a,
        lead(n), b, lead(n)))
  }
  static func geqrf(_ m: Int, _ n: Int, _ a: Pointer, _ tau: Pointer) -> Int {
    Int(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, lapack(m), lapack(n), a, lead(m), tau))
  }
  static func orgqr(_ m: Int, _ n: Int, _ k: Int, _ a: Pointer, _ tau: Pointer) -> Int {
    Int(LAPACKE_dorgqr(LAPACK_COL_MAJOR, lapack(m), lapack(n), lapack(k), a, lead(m), tau))
  }
  static func gesdd(
    _ job: Unicode.Scalar, _ m: Int, _ n: Int, _ a: Pointer, _ s: Pointer, _ u: Pointer, _ uRows: Int,
    _ vt: Pointer, _ vtRows: Int
  ) -> Int {
    Int(
      LAPACKE_dgesdd(
        LAPACK_COL_MAJOR, letter(job), lapack(m), lapack(n), a, lead(m), s, u, lead(uRows), vt, lead(vtRows)))
  }
  static func syevd(_ n: Int, _ a: Pointer, _ values: Pointer) -> Int {
    Int(LAPACKE_dsyevd(LAPACK_COL_MAJOR, letter("V"), letter("L"), lapack(n), a, lead(n), values))
  }
  static func gelsd(
    _ m: Int, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer, _ s: Pointer, _ tolerance: Double,
    _ rank: Pivots
  ) -> Int {
    Int(
      LAPACKE_dgelsd(
        LAPACK_COL_MAJOR, lapack(m), lapack(n), lapack(columns), a, lead(m), b, lead(Swift.max(m, n)), s,
        tolerance, rank))
  }
}

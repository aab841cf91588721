namespace MergeTasks.Numerics.Algebra;

/// <summary>A matrix where an <see cref="IMatrixArithmetic"/> computes; disposing gives its memory back.</summary>
internal interface IMatrix : IDisposable
{
    /// <summary>Number of rows.</summary>
    int Rows { get; }

    /// <summary>Number of columns.</summary>
    int Columns { get; }
}

/// <summary>
/// What methods on whole matrices are made of, in fp64. A matrix is brought to where it computes once and stays there until it is stored.
/// </summary>
/// <remarks>Whoever is handed a matrix disposes it. The same operands give the same bits each time in one place, for any number of
/// threads.</remarks>
internal interface IMatrixArithmetic : IDisposable
{
    /// <summary>Takes in a matrix, widened.</summary>
    /// <param name="values">[rows, columns], row by row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    IMatrix Load(ReadOnlySpan<float> values, int rows, int columns);

    /// <summary>Hands out a matrix, each element rounded to nearest even.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="values">[rows, columns], row by row.</param>
    void Store(IMatrix matrix, Span<float> values);

    /// <summary>a·b, of either the transpose where wanted.</summary>
    IMatrix Product(IMatrix a, IMatrix b, bool transposeA = false, bool transposeB = false);

    /// <summary>a·aᵀ, or aᵀ·a.</summary>
    /// <param name="a">The matrix.</param>
    /// <param name="ofRows">Whether of its rows with each other, and not of its columns.</param>
    IMatrix Gram(IMatrix a, bool ofRows);

    /// <summary>aᵀ.</summary>
    IMatrix Transpose(IMatrix a);

    /// <summary>Adds to a matrix.</summary>
    void Add(IMatrix sum, IMatrix term);

    /// <summary>Multiplies each column by a number.</summary>
    void ScaleColumns(IMatrix matrix, ReadOnlySpan<double> factors);

    /// <summary>The Euclidean length of each column.</summary>
    double[] ColumnLengths(IMatrix matrix);

    /// <summary>The matrices side by side; they have as many rows each.</summary>
    IMatrix Beside(IReadOnlyList<IMatrix> matrices);

    /// <summary>
    /// The largest eigenvalues of a symmetric matrix [n, n], of which either triangle may be read, descending, with orthonormal
    /// eigenvectors as columns [n, count].
    /// </summary>
    /// <param name="symmetric">The matrix; used up.</param>
    /// <param name="most">At most so many.</param>
    /// <param name="smallest">Eigenvalues up to this share of the largest are left out, and all that are not positive.</param>
    /// <exception cref="NumericException">The matrix is not finite.</exception>
    (double[] Values, IMatrix Vectors) Eigenvectors(IMatrix symmetric, int most, double smallest);

    /// <summary>
    /// Replaces aᵢⱼ by factor·aᵢⱼ, off the diagonal times <paramref name="offDiagonal"/>, on it plus <paramref name="added"/>.
    /// </summary>
    void Weigh(IMatrix square, double factor, double offDiagonal, double added);

    /// <summary>The X of system·X = right, by Cholesky decomposition.</summary>
    /// <param name="system">Symmetric [n, n]; used up.</param>
    /// <param name="right">[n, columns]; becomes X.</param>
    /// <returns><see langword="false"/> where the system is not positive definite.</returns>
    bool TrySolve(IMatrix system, IMatrix right);
}

namespace MergeTasks.Numerics.Products;

/// <summary>
/// One product C[rows, columns] = A · B, or C += factor · A · B; strides count elements. All arithmetic is that of the elements of C.
/// </summary>
/// <typeparam name="TElement">fp32 or fp64.</typeparam>
/// <typeparam name="TOperand">How A and B lie in memory.</typeparam>
internal readonly unsafe struct ProductOperands<TElement, TOperand>
    where TElement : unmanaged
    where TOperand : struct, IPanelSource<TElement>
{
    public required int Rows { get; init; }

    public required int Columns { get; init; }

    /// <summary>Length of the reduction.</summary>
    public required int Depth { get; init; }

    /// <summary>
    /// The reduction is cut into parts of this length, which are added in ascending order: the only choice of a packed product that
    /// the bits of its result depend on.
    /// </summary>
    public required int DepthBlock { get; init; }

    public required TOperand A { get; init; }

    /// <summary>A lies as [depth, rows].</summary>
    public bool TransposedA { get; init; }

    public required TOperand B { get; init; }

    /// <summary>B lies as [columns, depth].</summary>
    public bool TransposedB { get; init; }

    public required TElement* C { get; init; }

    public required nint StrideC { get; init; }

    /// <summary>Add to C instead of overwriting it.</summary>
    public required bool Accumulate { get; init; }

    /// <summary>What the product is multiplied by before it is added; only where it is added.</summary>
    public required TElement Factor { get; init; }

    /// <summary>What lies wholly below C's diagonal need not be computed.</summary>
    public bool IsUpperHalf { get; init; }

    /// <summary>Most threads to use.</summary>
    public required int Threads { get; init; }

    /// <summary>Ends the work between its pieces.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Clears C where the reduction has no elements and nothing is added to.</summary>
    /// <returns>Whether there is nothing to multiply.</returns>
    public bool IsDone()
    {
        if (Rows > 0 && Columns > 0 && Depth > 0)
            return false;
        for (var row = 0; row < Rows && !Accumulate; row++)
            new Span<TElement>(C + row * StrideC, Columns).Clear();
        return true;
    }
}

/// <summary>A row-major matrix in memory whose elements are widened to those of a product while they are packed.</summary>
internal unsafe interface IPanelSource<TElement>
    where TElement : unmanaged
{
    /// <summary>First element.</summary>
    byte* Data { get; }

    /// <summary>Elements from one row to the next.</summary>
    nint Stride { get; }

    /// <summary>Bytes per element, as stored.</summary>
    int ElementSize { get; }

    /// <summary>
    /// Packs a part whose rows run along the depth, a transposition: <c>target[p * width + lane]</c> for depth p, zeros in the lanes from
    /// <paramref name="lanes"/> on.
    /// </summary>
    /// <param name="source">The part's first element.</param>
    /// <param name="lanes">Rows of it.</param>
    /// <param name="depth">Elements of a row.</param>
    /// <param name="target">The panel.</param>
    /// <param name="width">Lanes of the panel.</param>
    void Interleave(byte* source, int lanes, int depth, TElement* target, int width);

    /// <summary>Packs a part whose rows run along the lanes, a copy row by row.</summary>
    /// <inheritdoc cref="Interleave"/>
    void Copy(byte* source, int lanes, int depth, TElement* target, int width);
}

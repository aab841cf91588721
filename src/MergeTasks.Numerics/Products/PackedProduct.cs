using System.Numerics;
using System.Runtime.CompilerServices;
using MergeTasks.Numerics.Memory;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// A blocked matrix product over packed panels, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS
/// 34(3), 2008), in fp32 and in fp64. As much of A as memory is kept for is packed, in parallel; then each piece of work takes a block of
/// rows and a chunk of columns of C, and for each block of the depth runs all row panels past one group of packed panels of B after the
/// other, packing the next in between.
/// </summary>
/// <remarks>
/// Blocks of the depth are the operands' choice and are added in ascending order, so an element of C is the same bits for any number of
/// threads, any width of registers and any cut of rows and columns.
/// </remarks>
internal sealed unsafe class PackedProduct<TElement, TOperand, TTile>
    where TElement : unmanaged, IFloatingPointIeee754<TElement>
    where TOperand : struct, IPanelSource<TElement>
    where TTile : struct, ITileShape<TElement>
{
    private const int LargestRowBlock = 768;
    private const int LargestChunkPanels = 16;

    // Panels of B that one panel of A meets while it is in the first-level cache; C is then touched along its rows.
    private const int PanelsPerGroup = 4;
    private const int PiecesPerThread = 3;

    // A multiple of the heights of all tiles.
    private const int RowsPerPackPiece = 192;

    // Rows of a transposed A that are read side by side: few enough to share one set of the first-level cache.
    private const int TransposedDepthStep = 8;

    private readonly ProductOperands<TElement, TOperand> _product;
    private readonly int _panels;

    private PackedProduct(in ProductOperands<TElement, TOperand> product)
    {
        _product = product;
        _panels = Blocks.Count(product.Columns, TTile.Columns);
    }

    /// <summary>Computes the product; rows, columns and depth must be positive.</summary>
    /// <exception cref="OperationCanceledException">The work was ended; C holds a part of the result.</exception>
    public static void Run(in ProductOperands<TElement, TOperand> product)
    {
        var run = new PackedProduct<TElement, TOperand, TTile>(product);
        // Bounds the packed copy of A whatever its shape.
        var kept = ScratchMemory.LargestKept / sizeof(TElement);
        var rowsAtOnce = Math.Max(LargestRowBlock, kept / product.Depth / TTile.Rows * TTile.Rows);
        var depthAtOnce = Math.Max(1, kept / Math.Min(product.Rows, rowsAtOnce) / product.DepthBlock) * product.DepthBlock;
        for (var row = 0; row < product.Rows; row += rowsAtOnce)
        {
            for (var depth = 0; depth < product.Depth; depth += depthAtOnce)
                new Pass(
                    run,
                    row,
                    Math.Min(rowsAtOnce, product.Rows - row),
                    depth,
                    Math.Min(depthAtOnce, product.Depth - depth)).Execute();
        }
    }

    /// <summary>The rows of C, and the part of the depth, whose part of A is packed at one time.</summary>
    private sealed class Pass
    {
        private readonly PackedProduct<TElement, TOperand, TTile> _owner;
        private readonly int _firstRow;
        private readonly int _rows;
        private readonly int _firstDepth;
        private readonly int _depth;
        private readonly int _paddedRows;
        private readonly int _rowBlock;
        private readonly int _rowBlocks;
        private readonly int _packGroups;
        private readonly int _packPieces;
        private readonly int _chunkPanels;
        private readonly TElement* _packedA;
        private readonly byte[] _packedMemory;
        private int _packed;

        public Pass(PackedProduct<TElement, TOperand, TTile> owner, int firstRow, int rows, int firstDepth, int depth)
        {
            ref readonly var product = ref owner._product;
            _owner = owner;
            _firstRow = firstRow;
            _rows = rows;
            _firstDepth = firstDepth;
            _depth = depth;
            _paddedRows = Blocks.Count(rows, 4) * 4;
            _rowBlock = Blocks.Even(rows, LargestRowBlock, TTile.Rows);
            _rowBlocks = Blocks.Count(rows, _rowBlock);
            _packGroups = Blocks.Count(rows, RowsPerPackPiece);
            _packPieces = Blocks.Count(depth, product.DepthBlock) * _packGroups;
            var pieces = product.Threads == 1 ? 1 : product.Threads * PiecesPerThread;
            _chunkPanels = Blocks.Even(
                owner._panels, Math.Clamp(Blocks.Count(owner._panels * _rowBlocks, pieces), 1, LargestChunkPanels), 1);
            _packedMemory = ScratchMemory.ForLeftOperand((long)_paddedRows * depth * sizeof(TElement));
            _packedA = (TElement*)ScratchMemory.Align(_packedMemory);
        }

        public void Execute()
        {
            var chunks = Blocks.Count(_owner._panels, _chunkPanels);
            Workers.For(_owner._product.Threads, _packPieces + _rowBlocks * chunks, Work);
            GC.KeepAlive(_packedMemory);
        }

        private void Work(int piece)
        {
            if (piece < _packPieces)
            {
                try
                {
                    _owner._product.Cancellation.ThrowIfCancellationRequested();
                    PackA(piece);
                }
                finally
                {
                    Interlocked.Increment(ref _packed);
                }

                return;
            }

            // Pieces are handed out in order: whatever is not packed yet is being packed by another thread now.
            var spin = new SpinWait();
            while (Volatile.Read(ref _packed) < _packPieces)
                spin.SpinOnce(sleep1Threshold: -1);
            _owner._product.Cancellation.ThrowIfCancellationRequested();
            piece -= _packPieces;
            Multiply(piece % _rowBlocks * _rowBlock, piece / _rowBlocks * _chunkPanels);
        }

        private void PackA(int piece)
        {
            ref readonly var product = ref _owner._product;
            var firstDepth = piece / _packGroups * product.DepthBlock;
            var depth = Math.Min(product.DepthBlock, _depth - firstDepth);
            var firstRow = piece % _packGroups * RowsPerPackPiece;
            var endRow = Math.Min(firstRow + RowsPerPackPiece, _rows);
            var step = product.TransposedA ? TransposedDepthStep : depth;
            for (var at = 0; at < depth; at += step)
            {
                for (var row = firstRow; row < endRow;)
                {
                    var width = row + TTile.Rows <= _rows ? TTile.Rows : 4;
                    var target = _packedA + (nint)firstDepth * _paddedRows + (nint)row * depth + at * width;
                    var lanes = Math.Min(width, _rows - row);
                    nint sourceRow = _firstRow + row;
                    nint sourceDepth = _firstDepth + firstDepth + at;
                    var (stride, size) = (product.A.Stride, product.A.ElementSize);
                    if (product.TransposedA)
                        product.A.Copy(
                            product.A.Data + (sourceDepth * stride + sourceRow) * size, lanes, Math.Min(step, depth - at), target, width);
                    else
                        product.A.Interleave(product.A.Data + (sourceRow * stride + sourceDepth) * size, lanes, depth, target, width);
                    row += width;
                }
            }
        }

        private void Multiply(int firstRow, int firstPanel)
        {
            ref readonly var product = ref _owner._product;
            var endRow = Math.Min(firstRow + _rowBlock, _rows);
            var endPanel = Math.Min(firstPanel + _chunkPanels, _owner._panels);
            if (FirstWanted(firstRow) >= endPanel)
                return;
            var groupSize = product.DepthBlock * TTile.Columns * PanelsPerGroup;
            var memory = ScratchMemory.ForRightPanels(2L * groupSize * sizeof(TElement));
            TElement* current = (TElement*)ScratchMemory.Align(memory), following = current + groupSize;
            var feeder = new PanelFeeder<TElement, TOperand>(product.B, product.TransposedB, TTile.Columns);
            Begin(ref feeder, firstPanel, endPanel, 0, current);
            feeder.Advance(1, 1);
            for (var firstDepth = 0; firstDepth < _depth; firstDepth += product.DepthBlock)
            {
                for (var panel = firstPanel; panel < endPanel; panel += PanelsPerGroup)
                {
                    if (panel + PanelsPerGroup < endPanel)
                        Begin(ref feeder, panel + PanelsPerGroup, endPanel, firstDepth, following);
                    else
                        Begin(ref feeder, firstPanel, endPanel, firstDepth + product.DepthBlock, following);
                    MultiplyGroup(panel, Math.Min(panel + PanelsPerGroup, endPanel), firstRow, endRow, firstDepth, current, ref feeder);
                    var free = current;
                    current = following;
                    following = free;
                }
            }

            GC.KeepAlive(memory);
        }

        // Of the panels of B, the first which the rows from one on need.
        private int FirstWanted(int row) => _owner._product.IsUpperHalf ? (_firstRow + row) / TTile.Columns : 0;

        private void Begin(
            ref PanelFeeder<TElement, TOperand> feeder, int panel, int endPanel, int firstDepth, TElement* target)
        {
            ref readonly var product = ref _owner._product;
            var depth = Math.Min(product.DepthBlock, _depth - firstDepth);
            var column = panel * TTile.Columns;
            var end = Math.Min(Math.Min(panel + PanelsPerGroup, endPanel) * TTile.Columns, product.Columns);
            if (depth > 0)
                feeder.Begin(column, end - column, _firstDepth + firstDepth, depth, target);
            else
                feeder.Rest();
        }

        private void MultiplyGroup(
            int firstPanel,
            int endPanel,
            int firstRow,
            int endRow,
            int firstDepth,
            TElement* group,
            ref PanelFeeder<TElement, TOperand> feeder)
        {
            var depth = Math.Min(_owner._product.DepthBlock, _depth - firstDepth);
            for (var row = firstRow; row < endRow;)
            {
                var height = row + TTile.Rows <= _rows ? TTile.Rows : 4;
                var panelA = _packedA + (nint)firstDepth * _paddedRows + (nint)row * depth;
                for (var panel = Math.Max(firstPanel, FirstWanted(row)); panel < endPanel; panel++)
                    MultiplyTile(
                        row,
                        height,
                        panel * TTile.Columns,
                        firstDepth,
                        depth,
                        panelA,
                        group + (nint)(panel - firstPanel) * depth * TTile.Columns);
                row += height;
                feeder.Advance(row - firstRow, endRow - firstRow);
            }
        }

        [SkipLocalsInit]
        private void MultiplyTile(int row, int height, int column, int firstDepth, int depth, TElement* panelA, TElement* panelB)
        {
            ref readonly var product = ref _owner._product;
            var rows = Math.Min(height, _rows - row);
            var columns = Math.Min(TTile.Columns, product.Columns - column);
            var accumulate = product.Accumulate || _firstDepth + firstDepth > 0;
            var c = product.C + (nint)(_firstRow + row) * product.StrideC + column;
            if (rows == height && columns == TTile.Columns && product.Factor == TElement.One)
            {
                CacheHints.SoonNeeded((byte*)c, product.StrideC * sizeof(TElement), rows, TTile.Columns * sizeof(TElement));
                Compute(height, depth, panelA, panelB, c, product.StrideC, accumulate);
                return;
            }

            var tile = stackalloc TElement[TTile.Rows * TTile.Columns];
            Compute(height, depth, panelA, panelB, tile, TTile.Columns, accumulate: false);
            TTile.Put(tile, c, product.StrideC, rows, columns, product.Factor, accumulate);
        }

        private static void Compute(int height, int depth, TElement* panelA, TElement* panelB, TElement* c, nint stride, bool accumulate)
        {
            if (height == TTile.Rows)
                TTile.Full(depth, panelA, panelB, c, stride, accumulate);
            else
                TTile.FourRows(depth, panelA, panelB, c, stride, accumulate);
        }
    }
}

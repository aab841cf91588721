using System.Runtime.CompilerServices;
using MergeTasks.Numerics.Memory;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Products;

/// <summary>
/// A blocked matrix product over packed panels, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS
/// 34(3), 2008). All of A is packed once, in parallel; then each piece of work takes a block of rows and a chunk of columns of C, and for
/// each block of the depth runs all row panels past one group of packed panels of B after the other, packing the next in between.
/// </summary>
/// <remarks>
/// The depth is cut by its length alone and blocks are added in ascending order, so an element of C is the same bits for any number of
/// threads and any cut of rows and columns.
/// </remarks>
internal sealed unsafe class PackedProduct<TTile>
    where TTile : struct, ITileShape
{
    private const int LargestDepthBlock = 384;
    private const int LargestRowBlock = 768;
    private const int LargestChunkPanels = 16;

    // Panels of B that one panel of A meets while it is in the first-level cache; C is then touched along its rows.
    private const int PanelsPerGroup = 4;
    private const int PiecesPerThread = 3;

    // A multiple of the heights of all tiles.
    private const int RowsPerPackPiece = 192;

    // Rows of a transposed A that are read side by side: few enough to share one set of the first-level cache.
    private const int TransposedDepthStep = 8;

    private readonly ProductOperands _product;
    private readonly int _depthBlock;
    private readonly int _panels;

    private PackedProduct(in ProductOperands product)
    {
        _product = product;
        _depthBlock = EvenBlock(product.Depth, LargestDepthBlock, 8);
        _panels = Blocks(product.Columns, TTile.Columns);
    }

    /// <summary>Computes the product; rows, columns and depth must be positive.</summary>
    public static void Run(in ProductOperands product)
    {
        var run = new PackedProduct<TTile>(product);
        // Bounds the packed copy of A whatever the number of rows.
        var rowsAtOnce = Math.Max(LargestRowBlock, ScratchMemory.LargestKept / product.Depth / TTile.Rows * TTile.Rows);
        for (var first = 0; first < product.Rows; first += rowsAtOnce)
            new Pass(run, first, Math.Min(rowsAtOnce, product.Rows - first)).Execute();
    }

    private static int Blocks(int length, int block) => (int)(((long)length + block - 1) / block);

    private static int EvenBlock(int length, int largest, int multiple) =>
        Blocks(Blocks(length, Blocks(length, largest)), multiple) * multiple;

    /// <summary>The rows of C whose part of A is packed at one time.</summary>
    private sealed class Pass
    {
        private readonly PackedProduct<TTile> _owner;
        private readonly int _firstRow;
        private readonly int _rows;
        private readonly int _paddedRows;
        private readonly int _rowBlock;
        private readonly int _rowBlocks;
        private readonly int _packGroups;
        private readonly int _packPieces;
        private readonly int _chunkPanels;
        private readonly float* _packedA;
        private readonly float[] _packedMemory;
        private int _packed;

        public Pass(PackedProduct<TTile> owner, int firstRow, int rows)
        {
            ref readonly var product = ref owner._product;
            _owner = owner;
            _firstRow = firstRow;
            _rows = rows;
            _paddedRows = Blocks(rows, 4) * 4;
            _rowBlock = EvenBlock(rows, LargestRowBlock, TTile.Rows);
            _rowBlocks = Blocks(rows, _rowBlock);
            _packGroups = Blocks(rows, RowsPerPackPiece);
            _packPieces = Blocks(product.Depth, owner._depthBlock) * _packGroups;
            var pieces = product.Threads == 1 ? 1 : product.Threads * PiecesPerThread;
            _chunkPanels = EvenBlock(owner._panels, Math.Clamp(Blocks(owner._panels * _rowBlocks, pieces), 1, LargestChunkPanels), 1);
            _packedMemory = ScratchMemory.ForLeftOperand((long)_paddedRows * product.Depth);
            _packedA = ScratchMemory.Align(_packedMemory);
        }

        public void Execute()
        {
            var chunks = Blocks(_owner._panels, _chunkPanels);
            Workers.For(_owner._product.Threads, _packPieces + _rowBlocks * chunks, Work);
            GC.KeepAlive(_packedMemory);
        }

        private void Work(int piece)
        {
            if (piece < _packPieces)
            {
                try
                {
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
            piece -= _packPieces;
            Multiply(piece % _rowBlocks * _rowBlock, piece / _rowBlocks * _chunkPanels);
        }

        private void PackA(int piece)
        {
            ref readonly var product = ref _owner._product;
            var firstDepth = piece / _packGroups * _owner._depthBlock;
            var depth = Math.Min(_owner._depthBlock, product.Depth - firstDepth);
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
                    nint sourceDepth = firstDepth + at;
                    var stride = product.StrideA;
                    if (product.TransposedA)
                        PanelPacking.Copy<Float32Element>(
                            (byte*)(product.A + sourceDepth * stride + sourceRow),
                            stride,
                            lanes,
                            Math.Min(step, depth - at),
                            target,
                            width);
                    else
                        PanelPacking.Interleave<Float32Element>(
                            (byte*)(product.A + sourceRow * stride + sourceDepth), stride, lanes, depth, target, width);
                    row += width;
                }
            }
        }

        private void Multiply(int firstRow, int firstPanel)
        {
            ref readonly var product = ref _owner._product;
            var endRow = Math.Min(firstRow + _rowBlock, _rows);
            var endPanel = Math.Min(firstPanel + _chunkPanels, _owner._panels);
            var groupSize = _owner._depthBlock * TTile.Columns * PanelsPerGroup;
            var memory = ScratchMemory.ForRightPanels(2 * groupSize);
            float* current = ScratchMemory.Align(memory), following = current + groupSize;
            var feeder = new PanelFeeder(product.B, product.TransposedB, TTile.Columns);
            Begin(ref feeder, firstPanel, endPanel, 0, current);
            feeder.Advance(1, 1);
            for (var firstDepth = 0; firstDepth < product.Depth; firstDepth += _owner._depthBlock)
            {
                for (var panel = firstPanel; panel < endPanel; panel += PanelsPerGroup)
                {
                    if (panel + PanelsPerGroup < endPanel)
                        Begin(ref feeder, panel + PanelsPerGroup, endPanel, firstDepth, following);
                    else
                        Begin(ref feeder, firstPanel, endPanel, firstDepth + _owner._depthBlock, following);
                    MultiplyGroup(panel, Math.Min(panel + PanelsPerGroup, endPanel), firstRow, endRow, firstDepth, current, ref feeder);
                    var free = current;
                    current = following;
                    following = free;
                }
            }

            GC.KeepAlive(memory);
        }

        private void Begin(ref PanelFeeder feeder, int panel, int endPanel, int firstDepth, float* target)
        {
            ref readonly var product = ref _owner._product;
            var depth = Math.Min(_owner._depthBlock, product.Depth - firstDepth);
            var column = panel * TTile.Columns;
            var end = Math.Min(Math.Min(panel + PanelsPerGroup, endPanel) * TTile.Columns, product.Columns);
            if (depth > 0)
                feeder.Begin(column, end - column, firstDepth, depth, target);
            else
                feeder.Rest();
        }

        private void MultiplyGroup(
            int firstPanel, int endPanel, int firstRow, int endRow, int firstDepth, float* group, ref PanelFeeder feeder)
        {
            var depth = Math.Min(_owner._depthBlock, _owner._product.Depth - firstDepth);
            for (var row = firstRow; row < endRow;)
            {
                var height = row + TTile.Rows <= _rows ? TTile.Rows : 4;
                var panelA = _packedA + (nint)firstDepth * _paddedRows + (nint)row * depth;
                for (var panel = firstPanel; panel < endPanel; panel++)
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
        private void MultiplyTile(int row, int height, int column, int firstDepth, int depth, float* panelA, float* panelB)
        {
            ref readonly var product = ref _owner._product;
            var rows = Math.Min(height, _rows - row);
            var columns = Math.Min(TTile.Columns, product.Columns - column);
            var accumulate = product.Accumulate || firstDepth > 0;
            var c = product.C + (nint)(_firstRow + row) * product.StrideC + column;
            if (rows == height && columns == TTile.Columns)
            {
                CacheHints.SoonNeeded((byte*)c, product.StrideC * sizeof(float), rows, TTile.Columns * sizeof(float));
                Compute(height, depth, panelA, panelB, c, product.StrideC, accumulate);
                return;
            }

            var edge = stackalloc float[TTile.Rows * TTile.Columns];
            Compute(height, depth, panelA, panelB, edge, TTile.Columns, accumulate: false);
            PutEdge(edge, c, product.StrideC, rows, columns, accumulate);
        }

        private static void Compute(int height, int depth, float* panelA, float* panelB, float* c, nint stride, bool accumulate)
        {
            if (height == TTile.Rows)
                TTile.Full(depth, panelA, panelB, c, stride, accumulate);
            else
                TTile.FourRows(depth, panelA, panelB, c, stride, accumulate);
        }

        private static void PutEdge(float* edge, float* c, nint stride, int rows, int columns, bool accumulate)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < columns; column++)
                {
                    var value = edge[row * TTile.Columns + column];
                    c[row * stride + column] = accumulate ? c[row * stride + column] + value : value;
                }
            }
        }
    }
}

using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.Kernels;

/// <summary>
/// Scalar products of corresponding vectors of several tensors, in fp64: for each vector of the layout, the products of the wanted pairs.
/// The sums do not depend on threads.
/// </summary>
internal sealed class VectorProducts
{
    private readonly VectorLayout _layout;
    private readonly (int A, int B)[] _pairs;
    private readonly VectorTable? _parts;
    private readonly double[] _sums = [];
    private readonly OrderedBlocks<double[]>? _blocks;

    /// <summary>Prepares.</summary>
    /// <param name="layout">The vectors.</param>
    /// <param name="elements">Elements of the tensor.</param>
    /// <param name="pairs">The pairs as slots of a block's buffers.</param>
    public VectorProducts(VectorLayout layout, long elements, (int A, int B)[] pairs)
    {
        (_layout, _pairs) = (layout, pairs);
        if (layout.IsContiguous)
        {
            _parts = new VectorTable(layout, elements, pairs.Length);
            return;
        }

        _sums = LargeArray.Of<double>(layout.Count * pairs.Length);
        _blocks = new OrderedBlocks<double[]>(AddBlock);
    }

    /// <summary>Adds a block whose buffers hold the tensors; called from several threads.</summary>
    public void Add(MergeBlock block)
    {
        if (_parts is not null)
            AddRuns(_parts, block);
        else
            _blocks!.Add(block.Index, Interleaved(block));
    }

    /// <summary>Ends the gathering.</summary>
    public void Complete() => _parts?.Fold((a, b) => a + b);

    /// <summary>A vector's products, in the order of the pairs.</summary>
    public ReadOnlySpan<double> Of(long vector) =>
        _parts is not null ? _parts.Of(vector) : _sums.AsSpan(checked((int)(vector * _pairs.Length)), _pairs.Length);

    private void AddRuns(VectorTable parts, MergeBlock block)
    {
        for (var i = 0; i < block.Count;)
        {
            var length = _layout.Run(block.Start + i, block.Count - i);
            var products = parts.Part(block.Index, _layout.VectorOf(block.Start + i));
            for (var pair = 0; pair < _pairs.Length; pair++)
                products[pair] = BlockSums.Product(
                    block.Buffer(_pairs[pair].A).Slice(i, length), block.Buffer(_pairs[pair].B).Slice(i, length));
            i += length;
        }
    }

    // Per stack of interleaved vectors, element i of what lies in the block belongs to entry i modulo the number of vectors.
    private double[] Interleaved(MergeBlock block)
    {
        var products = new double[block.Count * _pairs.Length];
        var used = 0;
        for (var i = 0; i < block.Count;)
        {
            var (length, width) = Stack(block.Start + i, block.Count - i);
            for (var pair = 0; pair < _pairs.Length; pair++, used += width)
            {
                var a = block.Buffer(_pairs[pair].A).Slice(i, length);
                var b = block.Buffer(_pairs[pair].B).Slice(i, length);
                var own = products.AsSpan(used, width);
                for (int j = 0, entry = 0; j < a.Length; j++, entry = entry + 1 == width ? 0 : entry + 1)
                    own[entry] += (double)a[j] * b[j];
            }

            i += length;
        }

        return products.Length == used ? products : products[..used];
    }

    private void AddBlock(long block, double[] products)
    {
        var start = block * TensorMerge.BlockLength;
        for (var used = 0; used < products.Length;)
        {
            var (length, width) = Stack(start, TensorMerge.BlockLength - (int)(start % TensorMerge.BlockLength));
            for (var entry = 0; entry < width; entry++)
            {
                var first = checked((int)(_layout.VectorOf(start + entry) * _pairs.Length));
                for (var pair = 0; pair < _pairs.Length; pair++)
                    _sums[first + pair] += products[used + (pair * width) + entry];
            }

            (start, used) = (start + length, used + (width * _pairs.Length));
        }
    }

    private (int Length, int Width) Stack(long element, int limit)
    {
        var stack = _layout.Length * _layout.Inner;
        var length = (int)Math.Min(limit, stack - (element % stack));
        return (length, (int)Math.Min(length, _layout.Inner));
    }
}

using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.Kernels;

/// <summary>A few fp64 numbers for each contiguous vector of a tensor, gathered block by block from several threads.</summary>
internal sealed class VectorTable
{
    private readonly VectorLayout _layout;
    private readonly int _numbers;
    private readonly double[] _values;

    /// <summary>A table of zeros.</summary>
    /// <param name="layout">The vectors; contiguous.</param>
    /// <param name="elements">Elements of the tensor.</param>
    /// <param name="numbers">Numbers per vector.</param>
    public VectorTable(VectorLayout layout, long elements, int numbers)
    {
        _layout = layout;
        _numbers = numbers;

        // A block may hold a part of a vector only, so there is a place for each part: that of vector v in block b is number v + b.
        _values = LargeArray.Of<double>((layout.Count + TensorMerge.BlockCount(elements)) * numbers);
    }

    /// <summary>The numbers of the part of a vector that lies in a block.</summary>
    public Span<double> Part(long block, long vector) => Entry(block + vector);

    /// <summary>A vector's numbers, once <see cref="Fold"/> has put its parts together.</summary>
    public Span<double> Of(long vector) => Entry(vector);

    /// <summary>Puts each vector's parts together in their order, which leaves one entry per vector.</summary>
    /// <param name="fold">Combines one of the numbers of two parts.</param>
    public void Fold(Func<double, double, double> fold)
    {
        for (var vector = 0L; vector < _layout.Count; vector++)
        {
            var (first, last) =
                (vector * _layout.Length / TensorMerge.BlockLength, (((vector + 1) * _layout.Length) - 1) / TensorMerge.BlockLength);
            for (var number = 0; number < _numbers; number++)
            {
                var value = Part(first, vector)[number];
                for (var block = first + 1; block <= last; block++)
                    value = fold(value, Part(block, vector)[number]);
                Of(vector)[number] = value;
            }
        }
    }

    private Span<double> Entry(long index) => _values.AsSpan(checked((int)(index * _numbers)), _numbers);
}

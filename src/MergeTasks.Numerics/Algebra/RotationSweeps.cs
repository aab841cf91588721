using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MergeTasks.Numerics.Memory;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Numerics.Algebra;

/// <summary>
/// The eigenvectors of a tridiagonal matrix while its eigenvalues are sought: sweeps of plane rotations are gathered and applied many at a
/// time, to strips of elements that stay in the cache.
/// </summary>
internal sealed class RotationSweeps
{
    private const int Strip = 32;
    private const int MostRotations = 1 << 16;

    private readonly int _size;
    private readonly MatrixWork _work;
    private readonly double[] _strips;
    private readonly List<(int Top, int Count)> _sweeps = [];
    private readonly double[] _rotations;
    private int _gathered;

    /// <summary>Begins with the identity.</summary>
    /// <param name="size">Number of vectors, and of their elements.</param>
    /// <param name="work">Threads.</param>
    public RotationSweeps(int size, MatrixWork work)
    {
        (_size, _work) = (size, work);
        _strips = LargeArray.Of<double>((size + Strip - 1L) / Strip * Strip * size);
        _rotations = new double[2 * Math.Max(MostRotations, size)];
        for (var i = 0; i < size; i++)
            _strips[Place(i, i)] = 1;
    }

    /// <summary>Begins a sweep whose first rotation is of vectors <paramref name="top"/> − 1 and <paramref name="top"/>.</summary>
    public void Begin(int top)
    {
        if (_gathered + _size > _rotations.Length / 2)
            Flush();
        _sweeps.Add((top, 0));
    }

    /// <summary>
    /// The sweep's next rotation, of a vector and the one above it, each time one lower: (c·low − s·high, s·low + c·high).
    /// </summary>
    public void Add(double cosine, double sine)
    {
        var (top, count) = _sweeps[^1];
        _sweeps[^1] = (top, count + 1);
        (_rotations[2 * _gathered], _rotations[(2 * _gathered) + 1]) = (cosine, sine);
        _gathered++;
    }

    /// <summary>Chosen vectors as columns.</summary>
    public DenseMatrix Columns(ReadOnlySpan<int> vectors)
    {
        Flush();
        var result = new DenseMatrix(_size, vectors.Length);
        for (var element = 0; element < _size; element++)
        {
            var row = result.Row(element);
            for (var i = 0; i < row.Length; i++)
                row[i] = _strips[Place(vectors[i], element)];
        }

        return result;
    }

    private int Place(int vector, int element) => (((element / Strip * _size) + vector) * Strip) + (element % Strip);

    private void Flush()
    {
        _work.ForEach((_size + Strip - 1) / Strip, (long)Strip * _gathered, ApplyTo);
        _sweeps.Clear();
        _gathered = 0;
    }

    private unsafe void ApplyTo(int strip)
    {
        fixed (double* vectors = &_strips[strip * _size * Strip], rotations = _rotations)
        {
            var own = rotations;
            foreach (var (top, count) in _sweeps)
            {
                Turn(vectors + ((nint)top * Strip), own, count);
                own += 2 * count;
            }
        }
    }

    // The vector that two rotations share stays in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Turn(double* high, double* rotation, int count)
    {
        var (h0, h1, h2, h3) = (Vector512.Load(high), Vector512.Load(high + 8), Vector512.Load(high + 16), Vector512.Load(high + 24));
        for (; count > 0; count--)
        {
            var low = high - Strip;
            var (l0, l1, l2, l3) = (Vector512.Load(low), Vector512.Load(low + 8), Vector512.Load(low + 16), Vector512.Load(low + 24));
            var (c, s) = (Vector512.Create(rotation[0]), Vector512.Create(rotation[1]));
            Vector512.FusedMultiplyAdd(c, h0, s * l0).Store(high);
            Vector512.FusedMultiplyAdd(c, h1, s * l1).Store(high + 8);
            Vector512.FusedMultiplyAdd(c, h2, s * l2).Store(high + 16);
            Vector512.FusedMultiplyAdd(c, h3, s * l3).Store(high + 24);
            h0 = Vector512.FusedMultiplyAdd(c, l0, -(s * h0));
            h1 = Vector512.FusedMultiplyAdd(c, l1, -(s * h1));
            h2 = Vector512.FusedMultiplyAdd(c, l2, -(s * h2));
            h3 = Vector512.FusedMultiplyAdd(c, l3, -(s * h3));
            rotation += 2;
            high = low;
        }

        h0.Store(high);
        h1.Store(high + 8);
        h2.Store(high + 16);
        h3.Store(high + 24);
    }
}

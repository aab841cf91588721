using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Numerics.Products;

namespace MergeTasks.Transformers.Tests.Numerics;

/// <summary>Which of the three layouts of a linear layer a product has.</summary>
public enum ProductLayout
{
    TimesTransposed,
    Times,
    TransposedTimes,
}

/// <summary>Random operands with gaps between their rows, and the product of them in double precision.</summary>
internal sealed unsafe class ProductCase : IDisposable
{
    private const float Untouched = -12345.5f;

    private readonly ProductLayout _layout;
    private readonly int _m;
    private readonly int _n;
    private readonly int _k;
    private readonly int _gap;
    private readonly WeightFormat _format;
    private readonly float[] _a;
    private readonly float[] _c;
    private readonly byte* _weight;

    public ProductCase(ProductLayout layout, int m, int n, int k, WeightFormat format = WeightFormat.Float32, int gap = 0)
    {
        (_layout, _m, _n, _k, _gap, _format) = (layout, m, n, k, gap, format);
        var random = new Random(HashCode.Combine((int)layout, m) + 31 * n + 1009 * k);
        _a = [.. Enumerable.Range(0, RowsA * StrideA).Select(_ => random.NextSingle() * 2 - 1)];
        _c = [.. Enumerable.Range(0, m * StrideC).Select(i => i % StrideC < n ? random.NextSingle() * 2 - 1 : Untouched)];
        var size = format == WeightFormat.Float32 ? 4 : 2;
        // One byte off: a mapped file promises no alignment. Exactly as long as needed: reading beyond the end is visible to a memory
        // checker.
        _weight = (byte*)NativeMemory.Alloc((nuint)((long)RowsB * StrideB * size + 1)) + 1;
        for (var i = 0; i < RowsB * StrideB; i++)
        {
            var value = random.NextSingle() * 2 - 1;
            switch (format)
            {
                case WeightFormat.Float32:
                    MemoryMarshal.Write(new Span<byte>(_weight + 4L * i, 4), value);
                    break;
                case WeightFormat.BFloat16:
                    MemoryMarshal.Write(new Span<byte>(_weight + 2L * i, 2), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                    break;
                default:
                    MemoryMarshal.Write(new Span<byte>(_weight + 2L * i, 2), (Half)value);
                    break;
            }
        }
    }

    private int RowsA => _layout == ProductLayout.TransposedTimes ? _k : _m;

    private int StrideA => (_layout == ProductLayout.TransposedTimes ? _m : _k) + _gap;

    private int RowsB => _layout == ProductLayout.TimesTransposed ? _n : _k;

    private int StrideB => (_layout == ProductLayout.TimesTransposed ? _k : _n) + _gap;

    private int StrideC => _n + _gap;

    public void Dispose() => NativeMemory.Free(_weight - 1);

    /// <summary>The product on registers of 128, 256 or 512 bits; a copy of C with its gaps.</summary>
    public float[] Compute(int bits, bool accumulate, int threads = 1)
    {
        var c = _c.ToArray();
        fixed (float* pa = _a, pc = c)
        {
            var product = new ProductOperands<float, WeightMatrix>
            {
                Rows = _m,
                Columns = _n,
                Depth = _k,
                DepthBlock = MatrixProduct.DepthBlock(_k),
                A = new WeightMatrix(pa, WeightFormat.Float32, RowsA, StrideA - _gap, StrideA),
                TransposedA = _layout == ProductLayout.TransposedTimes,
                B = new WeightMatrix(_weight, _format, RowsB, StrideB - _gap, StrideB),
                TransposedB = _layout == ProductLayout.TimesTransposed,
                C = pc,
                StrideC = StrideC,
                Accumulate = accumulate,
                Factor = 1,
                Threads = threads,
            };
            switch (bits)
            {
                case 128:
                    MatrixProduct.Run<Vector128<float>, Lanes128, WideTile<float, Vector128<float>, Lanes128>>(product);
                    break;
                case 256:
                    MatrixProduct.Run<Vector256<float>, Lanes256, WideTile<float, Vector256<float>, Lanes256>>(product);
                    break;
                default:
                    MatrixProduct.Run<Vector512<float>, Lanes512, TallTile<float, Vector512<float>, Lanes512>>(product);
                    break;
            }
        }

        return c;
    }

    /// <summary>Asserts that every element is as near the exact product as fp32 sums of this length are, and every gap untouched.</summary>
    public void AssertClose(float[] actual, bool accumulate)
    {
        var rows = Enumerable.Range(0, _m).Select(RowA).ToArray();
        for (var j = 0; j < StrideC; j++)
        {
            var column = j < _n ? ColumnB(j) : [];
            for (var i = 0; i < _m; i++)
            {
                var value = actual[i * StrideC + j];
                if (j >= _n)
                {
                    Assert.Equal(Untouched, value);
                    continue;
                }

                double exact = accumulate ? _c[i * StrideC + j] : 0, magnitude = Math.Abs(exact);
                var row = rows[i];
                for (var p = 0; p < column.Length; p++)
                {
                    var term = (double)row[p] * column[p];
                    exact += term;
                    magnitude += Math.Abs(term);
                }

                if (!(Math.Abs(value - exact) <= magnitude * (3 + Math.Sqrt(_k)) * 6e-8))
                    Assert.Fail($"{_layout} {_m}×{_n}×{_k} {_format}: [{i},{j}] is {value}, exactly {exact}");
            }
        }
    }

    private float[] RowA(int i) =>
        [.. Enumerable.Range(0, _k).Select(p => _layout == ProductLayout.TransposedTimes ? _a[p * StrideA + i] : _a[i * StrideA + p])];

    private float[] ColumnB(int j) =>
        [.. Enumerable.Range(0, _k).Select(p => ElementB(_layout == ProductLayout.TimesTransposed ? j * StrideB + p : p * StrideB + j))];

    private float ElementB(int at) => _format switch
    {
        WeightFormat.Float32 => MemoryMarshal.Read<float>(new ReadOnlySpan<byte>(_weight + 4L * at, 4)),
        WeightFormat.BFloat16 =>
            BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Read<ushort>(new ReadOnlySpan<byte>(_weight + 2L * at, 2)) << 16),
        _ => (float)MemoryMarshal.Read<Half>(new ReadOnlySpan<byte>(_weight + 2L * at, 2)),
    };
}

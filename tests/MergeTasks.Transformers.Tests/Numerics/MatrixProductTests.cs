using MergeTasks.Numerics.Products;

namespace MergeTasks.Transformers.Tests.Numerics;

public sealed class MatrixProductTests
{
    private static readonly int[] Widths = [128, 256, 512];

    public static TheoryData<ProductLayout, int> LayoutsAndWidths()
    {
        var data = new TheoryData<ProductLayout, int>();
        foreach (var layout in Enum.GetValues<ProductLayout>())
        {
            foreach (var width in Widths)
                data.Add(layout, width);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(LayoutsAndWidths))]
    public void Equals_the_double_precision_product_at_every_edge(ProductLayout layout, int bits)
    {
        foreach (var m in new[] { 1, 3, 5, 11, 16, 17, 24, 29 })
        {
            foreach (var n in new[] { 1, 7, 24, 31, 32, 33, 67 })
            {
                foreach (var k in new[] { 1, 4, 5, 16, 35, 70 })
                    Check(layout, bits, m, n, k, WeightFormat.Float32, gap: (m + n + k) % 3);
            }
        }
    }

    [Theory]
    [MemberData(nameof(LayoutsAndWidths))]
    public void Equals_the_double_precision_product_over_several_blocks(ProductLayout layout, int bits)
    {
        Check(layout, bits, 100, 300, 1300, WeightFormat.Float32, gap: 0);
        Check(layout, bits, 800, 70, 513, WeightFormat.Float32, gap: 5);
        Check(layout, bits, 9, 1100, 515, WeightFormat.Float32, gap: 1);
    }

    [Theory]
    [MemberData(nameof(LayoutsAndWidths))]
    public void Widens_sixteen_bit_weights_exactly(ProductLayout layout, int bits)
    {
        foreach (var format in new[] { WeightFormat.BFloat16, WeightFormat.Float16 })
        {
            foreach (var m in new[] { 1, 6, 37 })
            {
                Check(layout, bits, m, 67, 83, format, gap: 0);
                Check(layout, bits, m, 35, 530, format, gap: 3);
            }
        }
    }

    [Theory]
    [MemberData(nameof(LayoutsAndWidths))]
    public void Gives_the_same_bits_for_any_number_of_threads(ProductLayout layout, int bits)
    {
        foreach (var (m, n, k) in new[] { (1, 3000, 77), (16, 515, 900), (130, 777, 1030), (1600, 40, 64) })
        {
            using var product = new ProductCase(layout, m, n, k);
            var single = product.Compute(bits, accumulate: true);
            foreach (var threads in new[] { 2, 3, 7 })
                Assert.Equal(
                    single.Select(BitConverter.SingleToInt32Bits),
                    product.Compute(bits, true, threads).Select(BitConverter.SingleToInt32Bits));
        }
    }

    [Fact]
    public void A_row_does_not_depend_on_the_rows_beside_it()
    {
        var random = new Random(3);
        float[] a = [.. Enumerable.Range(0, 64 * 200).Select(_ => random.NextSingle() - 0.5f)];
        float[] b = [.. Enumerable.Range(0, 50 * 200).Select(_ => random.NextSingle() - 0.5f)];
        var all = new float[64 * 50];
        MatrixProduct.TimesTransposed(new MatrixView(a, 64, 200), new MatrixView(b, 50, 200), new MatrixView(all, 64, 50));
        var some = new float[31 * 50];
        MatrixProduct.TimesTransposed(new MatrixView(a.AsSpan(7 * 200), 31, 200), new MatrixView(b, 50, 200), new MatrixView(some, 31, 50));
        Assert.Equal(all[(7 * 50)..(38 * 50)], some);
    }

    [Fact]
    public void Empty_products_are_zero_or_leave_what_they_add_to()
    {
        float[] c = [1, 2, 3, 4];
        MatrixProduct.Times(new MatrixView([], 2, 0), new MatrixView([], 0, 2), new MatrixView(c, 2, 2), accumulate: true);
        Assert.Equal([1, 2, 3, 4], c);
        MatrixProduct.Times(new MatrixView([], 2, 0), new MatrixView([], 0, 2), new MatrixView(c, 2, 2));
        Assert.Equal([0, 0, 0, 0], c);
        MatrixProduct.TransposedTimes(new MatrixView([], 3, 0), new MatrixView(new float[6], 3, 2), new MatrixView([], 0, 2), threads: 4);
        MatrixProduct.TimesTransposed(new MatrixView(new float[6], 2, 3), new MatrixView([], 0, 3), new MatrixView([], 2, 0));
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        var message = Assert.Throws<ArgumentException>(() => MatrixProduct.TimesTransposed(
            new MatrixView(new float[6], 2, 3), new MatrixView(new float[8], 2, 4), new MatrixView(new float[4], 2, 2))).Message;
        Assert.Contains("a[2,3] and b[2,4]", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new MatrixView(new float[5], 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MatrixView(new float[50], 2, 3, 2));
    }

    [Fact]
    public void Every_half_is_widened_as_the_runtime_widens_it()
    {
        var bits = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        AssertWidens<Float16Element>(bits, half => (float)BitConverter.UInt16BitsToHalf(half));
        AssertWidens<BFloat16Element>(bits, half => BitConverter.UInt32BitsToSingle((uint)half << 16));
    }

    private static unsafe void AssertWidens<TElement>(ushort[] bits, Func<ushort, float> expected)
        where TElement : struct, IWeightElement
    {
        fixed (ushort* source = bits)
        {
            for (var i = 0; i < bits.Length; i += 16)
            {
                var at = (byte*)(source + i);
                for (var lane = 0; lane < 16; lane++)
                {
                    var value = expected(bits[i + lane]);
                    Assert.Equal(value, TElement.Load1(at + 2 * lane));
                    Assert.Equal(value, TElement.Load16(at)[lane]);
                    Assert.Equal(value, TElement.Load8(at + 16 * (lane / 8))[lane % 8]);
                    Assert.Equal(value, TElement.Load4(at + 8 * (lane / 4))[lane % 4]);
                }
            }
        }
    }

    private static void Check(ProductLayout layout, int bits, int m, int n, int k, WeightFormat format, int gap)
    {
        using var product = new ProductCase(layout, m, n, k, format, gap);
        product.AssertClose(product.Compute(bits, accumulate: false), accumulate: false);
        product.AssertClose(product.Compute(bits, accumulate: true, threads: 2), accumulate: true);
    }
}

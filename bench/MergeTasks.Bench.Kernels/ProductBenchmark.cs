using System.Runtime.InteropServices;
using MergeTasks.Numerics.Products;

namespace MergeTasks.Bench.Kernels;

/// <summary>Matrix products of linear layers at transformer sizes against OpenBLAS, with fp32 and bf16 weights.</summary>
internal sealed unsafe class ProductBenchmark(int tokens, double seconds)
{
    private static readonly (int Out, int In)[] Layers = [
        (768, 768), (2048, 768), (768, 2048), (3072, 768), (4096, 4096), (11008, 4096), (4096, 11008)
    ];

    private enum Layout
    {
        Forward,
        InputGradient,
        WeightGradient,
    }

    /// <summary>Prints one table row per layer, layout and number of threads.</summary>
    public void Run(IReadOnlyList<int> threadCounts, string? only)
    {
        Console.WriteLine($"{OpenBlas.Configuration}");
        Console.WriteLine();
        Console.WriteLine(
            "| tokens × out × in | product | threads | OpenBLAS GFLOP/s | MergeTasks GFLOP/s | speed ratio, medians | least times | bf16 "
                + ": fp32 time, medians | least times |");
        Console.WriteLine("|---|---|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var (width, depth) in Layers)
        {
            if (only is not null && only != $"{width}x{depth}")
                continue;
            foreach (var layout in Enum.GetValues<Layout>())
            {
                foreach (var threads in threadCounts)
                    Compare(layout, width, depth, threads);
            }
        }
    }

    private static float* Random(long count)
    {
        var memory = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        var random = new Random(7);
        for (long i = 0; i < count; i++)
            memory[i] = random.NextSingle() - 0.5f;
        return memory;
    }

    private void Compare(Layout layout, int width, int depth, int threads)
    {
        // c[m, n] = a · b with a reduction of length k.
        var (m, n, k) = layout switch
        {
            Layout.Forward => (tokens, width, depth),
            Layout.InputGradient => (tokens, depth, width),
            _ => (width, depth, tokens),
        };
        float* a = Random((long)m * k), b = Random((long)k * n), c = Random((long)m * n), expected = Random((long)m * n);
        var half = (ushort*)NativeMemory.AlignedAlloc((nuint)((long)k * n) * sizeof(ushort), 64);
        for (long i = 0; i < (long)k * n; i++)
            half[i] = (ushort)(BitConverter.SingleToUInt32Bits(b[i]) >> 16);
        OpenBlas.SetThreads(threads);

        void Yardstick() => OpenBlas.Multiply(m, n, k, a, layout == Layout.WeightGradient, b, layout == Layout.Forward, expected);
        void Full() =>
            Multiply(new WeightMatrix(b, WeightFormat.Float32, layout == Layout.Forward ? n : k, layout == Layout.Forward ? k : n));
        void Half() =>
            Multiply(new WeightMatrix(half, WeightFormat.BFloat16, layout == Layout.Forward ? n : k, layout == Layout.Forward ? k : n));
        void Multiply(WeightMatrix weight)
        {
            var target = new MatrixView(new Span<float>(c, m * n), m, n);
            var left = new Span<float>(a, m * k);
            if (layout == Layout.Forward)
                MatrixProduct.TimesTransposed(new MatrixView(left, m, k), weight, target, threads: threads);
            else if (layout == Layout.InputGradient)
                MatrixProduct.Times(new MatrixView(left, m, k), weight, target, threads: threads);
            else
                MatrixProduct.TransposedTimes(
                    new MatrixView(left, k, m), new MatrixView(new Span<float>(b, k * n), k, n), target, threads: threads);
        }

        Yardstick();
        Full();
        for (long i = 0; i < (long)m * n; i++)
        {
            if (!(Math.Abs(c[i] - expected[i]) < 1e-3))
                throw new InvalidOperationException($"Element {i} is {c[i]}, OpenBLAS says {expected[i]}.");
        }

        // A weight gradient has no weight among its operands.
        var times = layout == Layout.WeightGradient
            ? Interleaved.Run(threads, seconds, Yardstick, Full)
            : Interleaved.Run(threads, seconds, Yardstick, Full, Half);
        var operations = 2.0 * m * n * k / 1e9;
        var name = layout switch { Layout.Forward => "y = x·Wᵀ", Layout.InputGradient => "dx = dy·W", _ => "dW = dyᵀ·x" };
        var sixteen = times.Length > 2 ? $"{times[2].Median / times[1].Median:F3} | {times[2].Least / times[1].Least:F3}" : " | ";
        Console.WriteLine(
            $"| {tokens} × {width} × {depth} | {name} | {threads} | {operations / times[0].Median:F1} | {operations / times[1].Median:F1} "
            + $"| {times[0].Median / times[1].Median:F3} | {times[0].Least / times[1].Least:F3} | {sixteen} |");
        foreach (var memory in new nint[] { (nint)a, (nint)b, (nint)c, (nint)expected, (nint)half })
            NativeMemory.AlignedFree((void*)memory);
    }
}

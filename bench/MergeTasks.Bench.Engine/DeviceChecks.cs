#if WITH_TORCH
using MergeTasks.Numerics.Algebra;
using MergeTasks.Torch;
using MergeTasks.Torch.Arithmetic;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;
using TorchSharp;

namespace MergeTasks.Bench.Engine;

/// <summary>Checks of one device; each prints a line.</summary>
/// <param name="options">The device, in fp32.</param>
internal sealed class DeviceChecks(DeviceOptions options)
{
    // docs/gpu.md states it: of the largest.
    private const double Tolerance = 1e-4;

    private static readonly int[] Lengths = [12, 3, 9];

    /// <summary>How many failed.</summary>
    public int Failed { get; private set; }

    /// <summary>Log-probabilities and gradients of every model in the folders below one.</summary>
    public void Families(string models)
    {
        var files = Directory.GetFiles(models, "config.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
        foreach (var folder in files.Select(file => Path.GetDirectoryName(file)!))
        {
            var random = new Random(3);
            var batch = TokenBatch.Of([.. Lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(20)).ToArray())]);
            Same(Path.GetFileName(folder), folder, batch);
        }
    }

    /// <summary>Sequences of random tokens of the generated model.</summary>
    public void Text(string name, string folder, int[] lengths) =>
        Same(name, folder, TokenBatch.Of([.. lengths.Select(length => SpeedReport.Text(length).Ids)]));

    /// <summary>No weight stays, and half of the batch fits.</summary>
    public void LittleMemory(string folder)
    {
        var batch = TokenBatch.Of(SpeedReport.Text(64).Ids);
        var (expected, _) = Gradients(options, folder, batch);
        var (scores, _) = Gradients(options with { MemoryBytes = 0, Told = null }, folder, batch);
        Check(
            "weights that come layer by layer change nothing", expected.Zip(scores).Max(pair => Math.Abs(pair.First - pair.Second)), 1e-6);
    }

    /// <summary>What products of long sums lose, in fp32 and with operands in bf16.</summary>
    public void SumsInSingles()
    {
        using var engine = new TorchEngine(options);
        Check("the library can be set to sum bf16 products in fp32", ProductSums.InSingles() ? 0 : 1, 0);
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(1);
        foreach (var (rows, length) in new[] { (512, 4096), (8, 1 << 16) })
        {
            var (left, right) =
                (torch.rand([rows, length]).to(engine.Runtime.Device), torch.rand([length, rows]).to(engine.Runtime.Device));
            var exact = left.to(torch.float64).matmul(right.to(torch.float64));
            Check($"fp32 products of {length} terms are summed in fp32, without TensorFloat-32", Off(left.matmul(right), exact), 1e-5);
            var (a, b) = (left.bfloat16(), right.bfloat16());
            Check($"bf16 products of {length} terms are rounded once, at the end",
                Off(a.matmul(b), a.to(torch.float64).matmul(b.to(torch.float64))), 1.01 / 256);
        }

        static double Off(torch.Tensor product, torch.Tensor exact) =>
            ((product.to(torch.float64) - exact).abs() / exact).max().item<double>();
    }

    /// <summary>How far rounding of operands moves a model.</summary>
    public void Rounded(string folder, DeviceOptions rounded)
    {
        var batch = TokenBatch.Of(SpeedReport.Text(128).Ids);
        var ((expected, exact), (scores, gradients)) = (Gradients(options, folder, batch), Gradients(rounded, folder, batch));
        Check("bf16 moves log-probabilities little", expected.Zip(scores).Max(pair => Math.Abs(pair.First - pair.Second)), 0.5);
        var (product, own, theirs) = (0.0, 0.0, 0.0);
        foreach (var (name, values) in exact)
            foreach (var (a, b) in values.Zip(gradients[name]))
                (product, own, theirs) = (product + (double)a * b, own + (double)a * a, theirs + (double)b * b);
        Check("bf16 turns the gradient little (1 − cosine)", 1 - product / Math.Sqrt(own * theirs), 0.01);
    }

    /// <summary>Eigenvectors of random matrices, and of one whose eigenvalues are all the same.</summary>
    public void Eigenvectors()
    {
        const int size = 512;
        using var matrices = new TorchMatrices(options, CancellationToken.None);
        var random = new Random(4);
        foreach (var (name, values) in new (string, float[])[]
        {
            ("a random matrix", [.. Enumerable.Range(0, size * size).Select(_ => random.NextSingle() - 0.5f)]),
            ("a multiple of one", [.. Enumerable.Range(0, size * size).Select(i => i % (size + 1) == 0 ? 3f : 0)]),
        })
        {
            using var matrix = matrices.Load(values, size, size);
            using var gram = matrices.Gram(matrix, ofRows: true);
            var (eigenvalues, vectors) = matrices.Eigenvectors(matrices.Gram(matrix, ofRows: true), size, 0);
            using var mapped = matrices.Product(gram, vectors);
            var stretched = new float[size * vectors.Columns];
            matrices.Store(mapped, stretched);
            matrices.ScaleColumns(vectors, eigenvalues);
            var scaled = new float[size * vectors.Columns];
            matrices.Store(vectors, scaled);
            vectors.Dispose();
            Check($"eigenvectors of {name} are only stretched",
                stretched.Zip(scaled).Max(pair => Math.Abs(pair.First - pair.Second)) / eigenvalues[0], 1e-6);
        }
    }

    /// <summary>Tensors and transfers of repeated runs.</summary>
    public void NothingStays(string folder)
    {
        using var engine = new TorchEngine(options);
        using var model = engine.Load(folder);
        var (ids, targets) = SpeedReport.Text(64);
        model.Backward(TokenBatch.Of(ids), targets, new Dropper());
        var (alive, transfers) = (torch.Tensor.TotalCount, engine.Runtime.Outbox.Transfers);
        for (var i = 0; i < 3; i++)
            model.Backward(TokenBatch.Of(ids), targets, new Dropper());
        Check("tensors that stay after a run", torch.Tensor.TotalCount - alive, 0);
        var elements = model.Parameters.Values.Sum(value => value.ElementCount);
        Check("transfers of gradients in a run, beside one for each 64 MiB",
            (engine.Runtime.Outbox.Transfers - transfers) / 3.0 - Math.Ceiling(elements / (double)engine.Runtime.Outbox.Capacity), 10);
    }

    /// <summary>A check that could not be made.</summary>
    public void Fail(string name, string why)
    {
        Failed++;
        Console.WriteLine($"FAIL  {name}: {why}");
    }

    private void Same(string name, string folder, TokenBatch batch)
    {
        var (scores, gradients) = Gradients(options, folder, batch);
        var (expected, exact) = Gradients(null, folder, batch);
        var largest = exact.Values.Max(values => values.Max(Math.Abs));
        var off = exact.Max(pair => pair.Value.Zip(gradients[pair.Key]).Max(values => Math.Abs(values.First - values.Second))) / largest;
        Check($"{name}: log-probabilities and gradients",
            Math.Max(off, expected.Zip(scores).Max(pair => Math.Abs(pair.First - pair.Second))), Tolerance);
    }

    private void Check(string name, double off, double most)
    {
        if (!(off <= most))
            Failed++;
        Console.WriteLine(FormattableString.Invariant($"{(off <= most ? "pass" : "FAIL")}  {name}: {off:G2}, at most {most:G2}"));
    }

    // Without options of the built-in engine.
    private static (double[] Scores, Dictionary<string, float[]> Gradients) Gradients(
        DeviceOptions? options, string folder, TokenBatch batch)
    {
        using var engine = options is null ? null : new TorchEngine(options);
        using var model = ((ITransformerEngine?)engine ?? new CpuEngine()).Load(folder);
        var outcomes = model.Description.Outcomes;
        Target[] targets =
        [
            .. batch.Sequences.SelectMany((sequence, i) =>
                sequence.Ids.Select((_, position) => new Target(i, position, (7 * position + i) % outcomes, 1.0 / batch.Rows))),
        ];
        var receiver = new Collector();
        return ([.. model.Backward(batch, targets, receiver).Select(score => score.LogProbability)], receiver.Gradients);
    }

    private sealed class Collector : IGradientReceiver
    {
        public Dictionary<string, float[]> Gradients { get; } = [];

        public void Receive(in GradientPiece piece)
        {
            var size = piece.Shape.Aggregate(1L, (product, dimension) => product * dimension);
            if (!Gradients.TryGetValue(piece.Parameter, out var values))
                Gradients.Add(piece.Parameter, values = new float[size]);
            piece.Values.CopyTo(values.AsSpan((int)(piece.FirstRow * (size / piece.Shape[0]))));
        }
    }
}
#endif

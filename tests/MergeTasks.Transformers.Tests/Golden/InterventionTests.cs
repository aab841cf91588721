using System.Text.Json;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>Partitions of the parameters exchanged between a base and its fine-tuned model, against double precision.</summary>
public class InterventionTests
{
    public static IEnumerable<object[]> Models =>
        TestedEngines.With(GoldenModel.Names.Where(name => File.Exists(Path.Combine(GoldenModel.Root, name, "interventions.json"))));

    [Theory]
    [MemberData(nameof(Models))]
    public void Exchanging_a_partition_gives_the_exact_metric(string engine, string name)
    {
        using var setup = new Setup(engine, name);
        var expected = setup.Expected;
        Near(expected.GetProperty("M_base").GetDouble(), setup.Metric(setup.Base));
        Near(expected.GetProperty("M_finetuned").GetDouble(), setup.Metric(setup.FineTuned));
        foreach (var (partition, names) in setup.Partitions)
        {
            var numbers = expected.GetProperty("partitions").GetProperty(partition);
            using var without = setup.FineTuned.Replacing(Take(names, setup.Base));
            Near(numbers.GetProperty("M_finetuned_without").GetDouble(), setup.Metric(without));
            using var with = setup.Base.Replacing(Take(names, setup.FineTuned));
            Near(numbers.GetProperty("M_base_with").GetDouble(), setup.Metric(with));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Inner_products_of_gradient_and_delta_equal_the_reference(string engine, string name)
    {
        using var setup = new Setup(engine, name);
        Check(setup, setup.Base, "dot_grad_base");
        Check(setup, setup.FineTuned, "dot_grad_finetuned");
    }

    private static void Check(Setup setup, ITransformerModel model, string key)
    {
        var products = new DeltaProducts(setup.Base, setup.FineTuned);
        for (var i = 0; i < setup.Samples.Length; i++)
        {
            var (batch, targets) = setup.Samples[i];
            model.Backward(
                batch, [.. targets.Select(target => target with { Weight = 1.0 / setup.Samples.Length / targets.Length })], products);
        }

        var largest = 0.0;
        var differences = new List<double>();
        foreach (var (partition, names) in setup.Partitions)
        {
            var reference = setup.Expected.GetProperty("partitions").GetProperty(partition).GetProperty(key).GetDouble();
            largest = Math.Max(largest, Math.Abs(reference));
            differences.Add(Math.Abs(names.Sum(parameter => products[parameter]) - reference));
        }

        Assert.InRange(differences.Max() / largest, 0, 2e-5);
    }

    private static void Near(double expected, double actual) => Assert.InRange(Math.Abs(expected - actual), 0, 4e-6);

    private static Dictionary<string, ParameterValue> Take(IEnumerable<string> names, ITransformerModel from) =>
        names.ToDictionary(name => name, name => from.Parameters[name]);

    /// <summary>⟨delta, gradient⟩ per parameter, reduced piece by piece.</summary>
    private sealed class DeltaProducts(ITransformerModel from, ITransformerModel to) : IGradientReceiver
    {
        private readonly Dictionary<string, double> _products = [];

        public double this[string name] => _products[name];

        public void Receive(in GradientPiece piece)
        {
            var start = piece.FirstRow * (piece.Shape.Aggregate(1L, (product, dimension) => product * dimension) / piece.Shape[0]);
            var (before, after) = (new float[piece.Values.Length], new float[piece.Values.Length]);
            from.Parameters[piece.Parameter].CopyTo(start, before);
            to.Parameters[piece.Parameter].CopyTo(start, after);
            var product = _products.GetValueOrDefault(piece.Parameter);
            for (var i = 0; i < before.Length; i++)
                product += ((double)after[i] - before[i]) * piece.Values[i];
            _products[piece.Parameter] = product;
        }
    }

    private sealed class Setup : IDisposable
    {
        private readonly JsonDocument _json;
        private readonly string _fineTunedFolder;

        public Setup(string engineName, string name)
        {
            var folder = Path.Combine(GoldenModel.Root, name);
            _json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "interventions.json")));
            _fineTunedFolder = Directory.CreateTempSubdirectory("mergetasks-golden").FullName;
            File.Copy(Path.Combine(folder, "config.json"), Path.Combine(_fineTunedFolder, "config.json"));
            File.Copy(Path.Combine(folder, "finetuned.safetensors"), Path.Combine(_fineTunedFolder, "model.safetensors"));
            var engine = TestedEngines.Open(engineName);
            Base = engine.Load(folder);
            FineTuned = engine.Load(_fineTunedFolder);
            Samples = [.. _json.RootElement.GetProperty("samples").EnumerateArray().Select(ReadSample)];
            Partitions = _json.RootElement.GetProperty("partitions").EnumerateObject()
                .ToDictionary(
                    partition => partition.Name,
                    partition => partition.Value.EnumerateArray().Select(entry => entry.GetString()!).ToArray());
        }

        public ITransformerModel Base { get; }

        public ITransformerModel FineTuned { get; }

        public (TokenBatch Batch, Target[] Targets)[] Samples { get; }

        public IReadOnlyDictionary<string, string[]> Partitions { get; }

        public JsonElement Expected => _json.RootElement.GetProperty("fp64");

        public double Metric(ITransformerModel model) =>
            Samples.Average(sample => model.Score(sample.Batch, sample.Targets).Average(score => score.LogProbability));

        public void Dispose()
        {
            Base.Dispose();
            FineTuned.Dispose();
            Directory.Delete(_fineTunedFolder, recursive: true);
            _json.Dispose();
        }

        private static (TokenBatch Batch, Target[] Targets) ReadSample(JsonElement sample)
        {
            int[] prompt = [.. sample.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())];
            int[] target = [.. sample.GetProperty("target_ids").EnumerateArray().Select(id => id.GetInt32())];
            return (TokenBatch.Of([.. prompt, .. target]), [.. target.Select((id, i) => new Target(0, prompt.Length + i - 1, id))]);
        }
    }
}

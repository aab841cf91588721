using MergeTasks.TestSupport;
using MergeTasks.Transformers.Statistics;

namespace MergeTasks.Transformers.Tests.Golden;

public class StatisticsTests
{
    public static IEnumerable<object[]> Models => TestedEngines.With(GoldenModel.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void Activation_statistics_equal_the_reference(string engine, string name)
    {
        using var golden = new GoldenModel(name, engine);
        var modules = golden.NamesOf("act.").SelectMany(module => Places(golden, module)).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(modules, golden.Model.Description.Modules.Select(module => module.Name).Order(StringComparer.Ordinal));
        Check(golden, modules, "act.", "act2.", new ChannelStatistics());
        if (golden.Has("attention_mask"))
            Check(golden, modules, "actm.", "act2m.", new ChannelStatistics(golden.Batch.IsToken));
    }

    private static void Check(GoldenModel golden, string[] modules, string absolute, string square, ChannelStatistics statistics)
    {
        golden.Model.Observe(golden.Batch, statistics);
        Assert.Equal(modules, statistics.Modules.Order(StringComparer.Ordinal));
        foreach (var module in golden.NamesOf(absolute).Where(module => !IsMisaligned(absolute, module)))
        {
            CheckOne(
                module,
                golden.Singles(absolute + module),
                [.. Places(golden, module).SelectMany(place => statistics[place].MeanAbsolute())]);
            CheckOne(
                module, golden.Singles(square + module), [.. Places(golden, module).SelectMany(place => statistics[place].MeanSquare())]);
        }
    }

    // Where modules see other rows than one per position, the reference could not leave out padding: of layers that run several times it
    // aligned the rows with the mask of one run, and of rows to which a table's were added it left out none.
    private static bool IsMisaligned(string kind, string module) => kind == "actm."
        && (module.StartsWith("albert.encoder.albert_layer_groups.", StringComparison.Ordinal)
            || (module.StartsWith("deberta.encoder.", StringComparison.Ordinal)
                && (module.EndsWith(".query_proj", StringComparison.Ordinal) || module.EndsWith(".key_proj", StringComparison.Ordinal))));

    // Of a stack of experts' matrices the reference has one row for each, and the engine a module for each. It names one tied output after
    // the table that it is tied to.
    private static IEnumerable<string> Places(GoldenModel golden, string module)
    {
        if (golden.ShapeOf("act." + module) is [var count, _])
            return Enumerable.Range(0, (int)count).Select(place => $"{module}.{place}");
        return [module == "roberta.embeddings.word_embeddings" ? "lm_head.decoder" : module];
    }

    private static void CheckOne(string module, float[] expected, double[] actual)
    {
        var difference = Compare.Relative(expected, [.. actual.Select(value => (float)value)]);
        Assert.True(difference <= 1e-5, $"{module}: {difference}");
    }
}

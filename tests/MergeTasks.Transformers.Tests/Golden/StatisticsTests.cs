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
        var modules = golden.NamesOf("act.").Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(modules, golden.Model.Description.Modules.Select(module => module.Name).Order(StringComparer.Ordinal));
        Check(golden, modules, "act.", "act2.", new ChannelStatistics());
        if (golden.Has("attention_mask"))
            Check(golden, modules, "actm.", "act2m.", new ChannelStatistics(golden.Batch.IsToken));
    }

    private static void Check(GoldenModel golden, string[] modules, string absolute, string square, ChannelStatistics statistics)
    {
        golden.Model.Observe(golden.Batch, statistics);
        Assert.Equal(modules, statistics.Modules.Order(StringComparer.Ordinal));
        foreach (var module in modules)
        {
            var channels = statistics[module];
            CheckOne(module, golden.Singles(absolute + module), channels.MeanAbsolute());
            CheckOne(module, golden.Singles(square + module), channels.MeanSquare());
        }
    }

    private static void CheckOne(string module, float[] expected, double[] actual)
    {
        var difference = Compare.Relative(expected, [.. actual.Select(value => (float)value)]);
        Assert.True(difference <= 1e-5, $"{module}: {difference}");
    }
}

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Groups of samples that follow each other, over which sums are formed from nothing and then added up: a sum over all samples is then
/// the same, bit for bit, whichever machines formed which group's. They depend on the samples' tokens alone.
/// </summary>
internal static class SampleGroups
{
    // So long that a group is some passes through the model even where passes are short, and a model is loaded for some time of work.
    private const long FewestTokens = 2048;

    private const int Most = 16;

    /// <summary>The groups, each as the range of its samples; none where there are no samples.</summary>
    /// <param name="tokens">Tokens of each sample.</param>
    public static IReadOnlyList<Range> Of(IReadOnlyList<int> tokens)
    {
        var all = tokens.Sum(count => (long)count);
        var most = Math.Clamp(all / FewestTokens, 1, Most);
        var (groups, first, before) = (new List<Range>(), 0, 0L);
        for (var sample = 0; sample < tokens.Count; sample++)
        {
            var place = before * most / Math.Max(1, all);
            before += tokens[sample];
            if (sample + 1 == tokens.Count || before * most / Math.Max(1, all) > place)
            {
                groups.Add(first..(sample + 1));
                first = sample + 1;
            }
        }

        return groups;
    }

    /// <summary>Adds up the lists of groups, name by name, in the order of the groups.</summary>
    /// <param name="groups">Lists of each group; one that a group lacks counts as zeros.</param>
    public static Dictionary<string, double[]> Sum(IEnumerable<IReadOnlyDictionary<string, double[]>> groups)
    {
        var sums = new Dictionary<string, double[]>(StringComparer.Ordinal);
        foreach (var (name, values) in groups.SelectMany(group => group))
        {
            if (sums.TryGetValue(name, out var sum))
                System.Numerics.Tensors.TensorPrimitives.Add(sum, values, sum);
            else
                sums[name] = values;
        }

        return sums;
    }
}

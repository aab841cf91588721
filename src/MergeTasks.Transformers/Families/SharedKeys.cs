using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>The last layers' keys and values, which are those of the last earlier layer of the same kind (Gemma 3n, Gemma 4).</summary>
/// <param name="config">The configuration.</param>
/// <param name="kinds">The kind of each layer.</param>
/// <param name="absent">How many layers take keys and values where the key is absent.</param>
internal sealed class SharedKeys(ConfigReader config, IReadOnlyList<string> kinds, int absent)
{
    private readonly int _own = OwnLayers(config, kinds, absent);

    /// <summary>Whether a layer takes another's keys and values.</summary>
    public bool IsTaker(int layer) => layer >= _own;

    /// <summary>The layer's attention with what it gives or takes.</summary>
    public AttentionSpec Applied(AttentionSpec attention, int layer)
    {
        if (IsTaker(layer))
        {
            return attention with
            {
                Projections = [attention.Projections[0]],
                Key = attention.Key with { Projection = 1 },
                Value = attention.Value with { Projection = 2 },
                KeyNorm = null,
                ValueNorm = null,
                ValuesAreKeys = false,
                Takes = kinds[layer],
            };
        }

        var isLast = !Enumerable.Range(layer + 1, _own - layer - 1).Any(later => kinds[later] == kinds[layer]);
        return isLast && kinds.Skip(_own).Contains(kinds[layer]) ? attention with { Gives = kinds[layer] } : attention;
    }

    private static int OwnLayers(ConfigReader config, IReadOnlyList<string> kinds, int absent)
    {
        var own = kinds.Count - config.Int("num_kv_shared_layers", absent, minimum: 0);
        return own > 0 && kinds.Skip(own).All(kinds.Take(own).Contains)
            ? own
            : throw config.Invalid("num_kv_shared_layers", "so small that a layer of each kind comes before those that share");
    }
}

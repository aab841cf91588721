using MergeTasks.Torch.Blocks;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Torch.Running;

/// <summary>The blocks of a model, bound to its parameters, of which nothing is on the device before a run.</summary>
internal sealed class DeviceNetwork
{
    /// <summary>Binds the parameters.</summary>
    public DeviceNetwork(TransformerSpec spec, ParameterSet names)
    {
        var tables = new ModelPart(names);
        Embedding = new DeviceEmbedding(spec.Embedding, tables, new ModelPart(names));
        var pooling = DevicePooling.IsNeeded(spec.Head) ? new DevicePooling(spec.Head, new ModelPart(names)) : null;
        Layers = [
            .. spec.Layers.Select(layer => DeviceLayer.Of(layer, new ModelPart(names))),
            .. pooling is null ? Array.Empty<DeviceStep>() : [pooling]
        ];
        Head = new DeviceHead(pooling is null ? spec.Head : spec.Head with { Norm = null }, new ModelPart(names));
        Parts = [tables, Embedding.Part, .. Layers.Select(layer => layer.Part), Head.Part];
        TableWidth = Embedding.TableWidth;
        Width = spec.Embedding.Outputs;
        Shared = Layers.SelectMany(layer => layer.Part.Parameters).GroupBy(parameter => parameter.Name)
            .Where(uses => uses.Count() > 1).ToDictionary(uses => uses.Key, uses => uses.Count());
    }

    /// <summary>The input tables.</summary>
    public DeviceEmbedding Embedding { get; }

    /// <summary>The layers, and what comes between them and the head.</summary>
    public IReadOnlyList<DeviceStep> Layers { get; }

    /// <summary>The head.</summary>
    public DeviceHead Head { get; }

    /// <summary>The parameters of all.</summary>
    public IReadOnlyList<ModelPart> Parts { get; }

    /// <summary>Channels between the layers.</summary>
    public int Width { get; }

    /// <summary>Channels of the tables.</summary>
    public int TableWidth { get; }

    /// <summary>The parameters that several layers use, and how many do.</summary>
    public IReadOnlyDictionary<string, int> Shared { get; }
}

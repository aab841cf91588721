using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Vocabularies;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Families;
using MergeTasks.Transformers.Parameters;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Gguf.Models;

/// <summary>A model as a GGUF file will hold it, before any weight is read.</summary>
internal sealed class GgufModel
{
    private GgufModel(GgufMetadata metadata, IReadOnlyList<ExportTensor> tensors)
    {
        Metadata = metadata;
        Tensors = tensors;
        Layout = GgufLayout.Of(metadata, [.. tensors.Select(tensor => tensor.Place)]);
    }

    /// <summary>Keys and values.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors, and what they are made from.</summary>
    public IReadOnlyList<ExportTensor> Tensors { get; }

    /// <summary>Their places.</summary>
    public GgufLayout Layout { get; }

    /// <summary>Describes the file of a kind for a model.</summary>
    /// <exception cref="GgufException">Readers would not compute what the model does, or not read texts as it does.</exception>
    public static GgufModel Of(ModelSource source, GgufFileType file)
    {
        try
        {
            var config = ConfigReader.Parse(source.Config, Path.Combine(source.Folder, ModelConfig.FileName));
            var type = config.OptionalText("model_type");

            // A model with images: its language model alone is written.
            if (GgufArchitecture.Of(type) is null && config.Section("text_config") is { } text
                && GgufArchitecture.Of(text.OptionalText("model_type")) is not null)
                type = text.OptionalText("model_type");
            var architecture = GgufArchitecture.Of(type)
                ?? throw new GgufException(
                    GgufError.UnknownArchitecture,
                    $"there is no GGUF architecture for model_type {(type is null ? "(absent)" : $"'{type}'")}; it can be "
                        + $"{string.Join(", ", GgufArchitecture.ModelTypes)}");
            var spec = KnownFamilies.Describe(config);
            architecture = architecture.For(spec);
            var parameters = new ParameterSet(
                source.Tensors.ToDictionary(
                    tensor => tensor.Name, tensor => ParameterValue.WithoutElements(tensor.DType, tensor.Shape), StringComparer.Ordinal),
                spec,
                source.Folder);
            var metadata = new GgufMetadata();
            metadata.Add("general.architecture", architecture.Name);
            metadata.Add("general.type", "model");
            metadata.Add("general.name", source.Name);
            metadata.Add("general.file_type", file.Id);
            if (file.IsQuantized)
                metadata.Add("general.quantization_version", 2);
            var names = new StoredNames(parameters);
            var list = new TensorList(names, file, spec.Layers.Count);
            var described = config.Section("text_config") is { } section && type != config.OptionalText("model_type") ? section : config;
            if (spec.Task == ModelTask.CausalLanguageModel)
                new DecoderExport(described, spec, architecture, names, list, metadata).Write();
            else
                new EncoderExport(spec, architecture, list, metadata).Write();
            VocabularyExport.Write(source, spec.Embedding.Vocabulary, metadata);
            return new GgufModel(metadata, list.Tensors);
        }
        catch (ModelException e)
        {
            throw new GgufException(
                e.Error is ModelError.MissingTensor or ModelError.WrongTensor ? GgufError.WrongTensor : GgufError.UnknownArchitecture,
                e.Message.TrimEnd('.'),
                e);
        }
        catch (TokenizerException e)
        {
            throw new GgufException(GgufError.UnknownTokenizer, e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>
    /// The tensors that a file of a decoder would have, those of the checkpoint that they would be made from, and the model's keys.
    /// </summary>
    /// <param name="configuration">The model's configuration.</param>
    /// <param name="path">What to call it in messages.</param>
    /// <exception cref="GgufException">There is no such architecture.</exception>
    public static (IReadOnlyList<ExportTensor> Tensors, IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes, GgufMetadata Metadata)
        TensorsOf(ReadOnlyMemory<byte> configuration, string path)
    {
        try
        {
            var config = ConfigReader.Parse(configuration, path);
            var spec = KnownFamilies.Describe(config);
            var names = new WantedNames();
            var list = new TensorList(names, GgufFileType.All[0], spec.Layers.Count);
            var architecture = GgufArchitecture.Of(config.OptionalText("model_type"))!.For(spec);
            var metadata = new GgufMetadata();
            new DecoderExport(config, spec, architecture, names, list, metadata).Write();
            return (list.Tensors, names.Shapes, metadata);
        }
        catch (ModelException e)
        {
            throw new GgufException(GgufError.UnknownArchitecture, e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>A refusal of what an architecture does not compute.</summary>
    internal static GgufException Refusal(GgufArchitecture architecture, string what) => new(
        GgufError.UnknownArchitecture, $"the GGUF architecture '{architecture.Name}' has no {what}");
}
